"""Small landed files and archives for tests."""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

COMPLETE_LANDING: Mapping[str, str] = {
    "aisles": "aisle_id,aisle\n1,apples\n100,missing\n",
    "departments": "department_id,department\n4,produce\n21,missing\n",
    "products": 'product_id,product_name,aisle_id,department_id\n10,"Apple, red",1,4\n20,Thing,100,21\n',
    "orders": (
        "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order\n"
        "1,7,prior,1,2,08,\n"
        "2,7,train,2,3,07,15.0\n"
    ),
    "order_products__prior": "order_id,product_id,add_to_cart_order,reordered\n1,10,1,0\n1,20,2,0\n",
    "order_products__train": "order_id,product_id,add_to_cart_order,reordered\n2,10,1,1\n",
}
"""Every required source, as text, with two records of most."""


def write_file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_landing(folder: Path, **replaced: str) -> Path:
    """A complete landing folder, with some sources replaced."""
    for source, content in {**COMPLETE_LANDING, **replaced}.items():
        write_file(folder, f"{source}.csv", content)
    return folder


def zip_bytes(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()
