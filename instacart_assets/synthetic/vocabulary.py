"""The words of the invented product names: departments, aisles and the products in them.

Invented for this generator; ids and the aisles' departments follow the public files, their names do not.
Two names are kept, because consumers treat them specially: ``missing`` (aisle 100, department 21) and
``other`` (aisle 6, department 2). How words become names is decided in ``names``.
"""


def split_words(text: str) -> tuple[str, ...]:
    """The words and phrases of a text separated by bars."""
    return tuple(text.split("|"))


DEPARTMENTS = (
    "freezer",
    "other",
    "bread & cakes",
    "fruit & vegetables",
    "beer wine & liquor",
    "world foods",
    "drinks",
    "pet corner",
    "noodles rice & dry goods",
    "loose goods",
    "health & beauty",
    "butcher & fishmonger",
    "larder",
    "morning table",
    "tins & jars",
    "milk cheese & eggs",
    "home & cleaning",
    "little ones",
    "sweet & salty bites",
    "delicatessen",
    "missing",
)
"""Names of departments 1 to 21."""

BRANDS = split_words(
    "Alder & Finch|Amber Fields|Barley Lane|Bellweather|Birch Hollow|Blue Lantern|Bramblewick|Brightwater|Cedar Row|"
    "Clover Gate|Copper Kettle|Dapple Farm|Daybreak|Dunmore|Eastmoor|Elm & Ivy|Fairhaven|Fern Valley|Foxglove|"
    "Gable House|Golden Acre|Goodwyn|Greenlark|Harrowfield|Hazelbrook|Hearth & Hill|Hollybank|Honeycomb Hill|"
    "Ivory Oak|Juniper Street|Kestrel|Kindle Creek|Lark & Loaf|Little Orchard|Lowland|Maple Hollow|Marigold Row|"
    "Meadowbright|Merry Thatch|Millstone|Moonlit Pantry|Mossy Gate|Nettle & Rye|Northbeam|Oakapple|Old Quay|"
    "Orchard Bell|Pebble Bay|Pinecroft|Plum Street|Quail Run|Red Barnaby|River & Reed|Rowanberry|Saffron Sky|"
    "Silver Birch|Starling|Stonebridge|Summerfold|Thistle Down|Three Herons|Tideway|Tumbledown|Upper Mill|"
    "Vale & Vine|Wander Hill|Whistling Pine|Wild Teasel|Windrow|Wrenfield|Yarrow & Sons|Yellow Gate"
)

ACCENTED_BRANDS = (
    "Café Mirabel",
    "Señora Luz",
    "Crème du Val",
    "Jalapeño Loco",
    "Fjällbäck",
    "Häagberg",
    "Açaí Norte",
)

QUALITIES = split_words(
    "Organic|Natural|Classic|Original|Gluten Free|Reduced Fat|Premium|Traditional|Simply|Farm Style|Family Size|"
    "Small Batch|Everyday|Select|Homestyle|Lightly Seasoned|Non-GMO|Value Pack|Extra|Pure"
)

SIZES = split_words(
    "Twin Pack|6 Pack|12 Pack|Family Pack|Snack Size|Travel Size|Single Serve|Large|Medium|Mini|Jumbo|8 Ounce|"
    "16 Ounce|32 Ounce|Half Pint|Quart|Variety Pack|10 Count|24 Count|100 Count"
)

INCHES = ("4", "6", "7.5", "8", "9", "10", "10.25", "12", "14", "18")

VARIANTS = {
    "sweet": "Vanilla|Dark Chocolate|Milk Chocolate|Strawberry|Salted Caramel|Peanut Butter|Blueberry|Cinnamon|"
    "Raspberry|Lemon|Coconut|Maple|Honey|Mint|Cherry|Banana|Apple|Hazelnut|Pumpkin Spice|Almond",
    "savoury": "Roasted Garlic|Tomato Basil|Sea Salt|Black Pepper|Smoked|Chili Lime|Rosemary|Spicy|Mild|Cheddar|"
    "Herb|Sweet Onion|Barbecue|Sesame|Teriyaki|Lemon Pepper|Mushroom|Chipotle|Ginger|Buttery",
    "fresh": "Baby|Red|Green|Yellow|Sweet|Ripe|Whole|Sliced|Bagged|Loose|Heirloom|Washed|Hothouse|Seedless|Crisp|"
    "Local|Young|Golden|Purple|Chopped",
    "drink": "Lemon|Lime|Orange|Cranberry|Peach|Mango|Grapefruit|Ginger|Raspberry|Berry|Pomegranate|Green|Black|"
    "Unsweetened|Lightly Sweetened|Zero Calorie|Tropical|Cucumber Mint|Cherry|Apple",
    "dairy": "Whole|Low Fat|Fat Free|Plain|Vanilla|Strawberry|Unsweetened|Lactose Free|Grass Fed|Whipped|Sharp|Mild|"
    "Shredded|Sliced|Aged|Creamy|Blueberry|Peach|Honey|Cultured",
    "home": "Fresh Linen|Lemon|Lavender|Unscented|Ultra|Heavy Duty|Multi Surface|Ocean|Pine|Spring Rain|Extra Strong|"
    "Recycled|Compact|Antibacterial|Orange Peel|Free & Clear|Double|Soft|Quick|White",
    "care": "Aloe|Chamomile|Sensitive|Daily|Moisturizing|Tea Tree|Coconut|Fragrance Free|Overnight|Gentle|Cooling|"
    "Lavender|Clear|Extra Strength|Fresh Mint|Almond Oil|Maximum|Rose|Cucumber|Vitamin",
    "pet": "Chicken & Rice|Salmon|Turkey Dinner|Beef Stew|Grain Free|Ocean Fish|Duck|Lamb|Puppy|Kitten|Senior|Indoor|"
    "Tuna|Liver|Sweet Potato|Venison|Tender|Crunchy|Shredded|Hearty",
    "cellar": "Dry|Semi Sweet|Reserve|Estate|Coastal|Hazy|Amber|Barrel Aged|Old Vine|Unfiltered|Crisp|Golden|Double|"
    "Hillside|Valley|Session|Imperial|Vintage|House|Silver",
    "baby": "Apple & Pear|Banana|Carrot|Sweet Pea|Peach|Oat|Pumpkin|Mango|Stage 1|Stage 2|Stage 3|Newborn|Gentle|"
    "Overnight|Sensitive|Toddler|Size 3|Size 4|Prune|Spinach",
}
"""Name variants by style of aisle."""

AISLES: dict[int, tuple[str, str, str]] = {
    1: (
        "soup & salad bar",
        "savoury",
        "Lentil Soup|Potato Salad|Chicken Noodle Soup|Kale Salad|Macaroni Salad",
    ),
    2: ("cheesemonger's board", "dairy", "Manchego|Brie Wedge|Gouda|Blue Cheese|Gruyere|Goat Log"),
    3: ("snack bars", "sweet", "Oat Bar|Nut Bar|Protein Bar|Chewy Bar|Fruit Bar|Seed Bar"),
    4: ("just add water", "savoury", "Noodle Cup|Instant Potatoes|Ramen Bowl|Mac & Cheese|Rice Cup"),
    5: ("rubs & marinades", "savoury", "Steak Marinade|Dry Rub|Meat Tenderizer|Grilling Sauce|Basting Glaze"),
    6: ("other", "home", "Gift Card Holder|Sample Pouch|Seasonal Basket|Pocket Pack|Assorted Bundle"),
    7: ("packed butcher cuts", "savoury", "Pork Chops|Ground Beef|Lamb Shank|Stew Meat|Beef Patties"),
    8: ("cakes for later", "sweet", "Layer Cake|Cupcakes|Fruit Tart|Brownie Bites|Pie|Macarons"),
    9: ("sauces for pasta", "savoury", "Marinara|Alfredo Sauce|Pesto|Arrabbiata|Vodka Sauce"),
    10: (
        "kitchen drawer",
        "home",
        "Whisk|Baking Dish|Spatula|Measuring Cup|Skewers|Glass Bowl|Cutting Board",
    ),
    11: ("sniffles & sneezes", "care", "Cough Drops|Nasal Spray|Allergy Tablets|Cold Syrup|Throat Lozenges"),
    12: ("fresh noodles & ravioli", "savoury", "Ravioli|Tortellini|Fettuccine|Gnocchi|Agnolotti"),
    13: ("ready to heat", "savoury", "Chicken Bowl|Lasagna|Curry Plate|Stuffed Peppers|Meatloaf"),
    14: ("tofu & tempeh", "savoury", "Firm Tofu|Tempeh|Seitan Strips|Soft Tofu|Plant Patties"),
    15: ("wrapped fish", "savoury", "Smoked Salmon|Crab Cakes|Shrimp Ring|Trout Fillet|Fish Spread"),
    16: ("herb garden", "fresh", "Basil|Cilantro|Parsley|Mint|Dill|Thyme|Rosemary|Chives"),
    17: ("for the baker", "sweet", "Flour|Cane Sugar|Baking Powder|Cocoa|Chips|Yeast|Extract"),
    18: ("scoop dried fruit", "fresh", "Dried Apricots|Raisins|Dried Mango|Banana Chips"),
    19: ("oil & vinegar", "savoury", "Olive Oil|Balsamic Vinegar|Canola Oil|Avocado Oil|Cider Vinegar"),
    20: ("teeth & gums", "care", "Toothpaste|Mouthwash|Floss|Toothbrush|Whitening Strips"),
    21: ("cheese by the pack", "dairy", "Cheddar|Mozzarella|String Cheese|Provolone|Swiss|Mexican Blend"),
    22: ("shampoo & style", "care", "Shampoo|Conditioner|Hair Gel|Hair Color|Hair Spray|Detangler"),
    23: ("popped & cured", "savoury", "Popcorn|Beef Jerky|Kettle Corn|Turkey Jerky|Meat Stick"),
    24: (
        "fruit stand",
        "fresh",
        "Bananas|Strawberries|Apples|Avocado|Lemons|Grapes|Pears|Blueberries|Peaches",
    ),
    25: ("hand soap", "care", "Bar Soap|Hand Wash|Foaming Soap|Body Wash|Hand Sanitizer"),
    26: ("coffee roasters", "sweet", "Ground Coffee|Coffee Beans|Coffee Pods|Cold Brew|Espresso"),
    27: ("beer & cider", "cellar", "Lager|Pale Ale|Stout|Wheat Beer|Hard Cider|Pilsner"),
    28: ("reds", "cellar", "Merlot|Pinot Noir|Malbec|Cabernet|Zinfandel|Syrah"),
    29: ("syrup & honey", "sweet", "Maple Syrup|Clover Honey|Agave Nectar|Molasses|Pancake Syrup"),
    30: ("taqueria shelf", "savoury", "Salsa Verde|Enchilada Sauce|Taco Shells|Refried Beans|Mole|Tostadas"),
    31: ("chilled juice & tea", "drink", "Orange Juice|Iced Tea|Lemonade|Kombucha|Smoothie|Green Juice"),
    32: ("bagged fruit & greens", "fresh", "Fruit Tray|Clementine Bag|Carrot Pack|Apple Bag"),
    33: ("kosher shelf", "savoury", "Matzo|Gefilte Fish|Grape Juice|Egg Noodles|Soup Mix"),
    34: ("iced fish & meat", "savoury", "Shrimp|Fish Fillets|Chicken Wings|Burgers|Cod|Meatballs"),
    35: ("poultry case", "savoury", "Chicken Breast|Turkey Breast|Drumsticks|Whole Chicken|Thighs"),
    36: ("butter & margarine", "dairy", "Butter|Buttery Spread|Ghee|Margarine|Butter Sticks"),
    37: ("frozen scoops", "sweet", "Ice Cream|Sorbet|Frozen Pops|Gelato|Ice Cream Sandwich|Fudge Bar"),
    38: ("frozen plates", "savoury", "Burrito|Pot Pie|Noodle Bowl|Enchiladas|Chicken Dinner|Mac Bowl"),
    39: ("fish on ice", "savoury", "Salmon Fillet|Tilapia|Scallops|Tuna Steak|Halibut"),
    40: ("dog bowls", "pet", "Dog Food|Dog Biscuits|Dog Chews|Puppy Food|Dog Treats"),
    41: ("cat bowls", "pet", "Cat Food|Cat Litter|Cat Treats|Kitten Food|Cat Pate"),
    42: ("frozen without meat", "savoury", "Veggie Burger|Meatless Crumbles|Bean Patties|Veggie Nuggets"),
    43: ("rolls & burger buns", "savoury", "Burger Buns|Dinner Rolls|Hot Dog Buns|Ciabatta Rolls"),
    44: ("eyes & ears", "care", "Eye Drops|Contact Solution|Ear Plugs|Ear Drops"),
    45: ("sweets", "sweet", "Chocolate Bar|Gummy Bears|Truffles|Licorice|Caramels|Toffee|Lollipops"),
    46: ("gum & breath mints", "sweet", "Gum|Mints|Bubble Gum|Breath Drops"),
    47: ("vitamins", "care", "Multivitamin|Fish Oil|Probiotic|Calcium|Magnesium|Fiber Gummies"),
    48: ("toaster treats", "sweet", "Toaster Pastry|Breakfast Bar|Breakfast Biscuit|Fig Bar"),
    49: ("packed poultry", "savoury", "Ground Turkey|Chicken Tenders|Chicken Sausage|Turkey Burgers"),
    50: ("fruit to go", "sweet", "Fruit Leather|Apple Crisps|Fruit Snacks|Veggie Straws|Seaweed Snack"),
    51: ("jarred dips", "savoury", "Salsa|Queso|Bean Dip|Olive Tapenade|Artichoke Spread"),
    52: ("frozen mornings", "sweet", "Waffles|Pancakes|Breakfast Sandwich|French Toast|Hash Browns"),
    53: ("cream & creamer", "dairy", "Half & Half|Heavy Cream|Coffee Creamer|Whipping Cream|Clotted Cream"),
    54: ("paper & tissue", "home", "Paper Towels|Bath Tissue|Napkins|Facial Tissue"),
    55: ("razors & foam", "care", "Razor|Shave Gel|Shave Cream|Razor Blades|After Shave"),
    56: ("nappies & wipes", "baby", "Diapers|Baby Wipes|Training Pants|Swim Diapers"),
    57: ("granola jars", "sweet", "Granola|Muesli|Granola Clusters|Oat Clusters"),
    58: ("frozen dough", "savoury", "Pizza Dough|Garlic Bread|Puff Pastry|Pie Crust"),
    59: ("tinned beans & suppers", "savoury", "Black Beans|Chickpeas|Chili|Kidney Beans|Baked Beans"),
    60: ("bin bags", "home", "Trash Bags|Bin Liners|Kitchen Bags|Compost Bags"),
    61: ("biscuit tin", "sweet", "Cookies|Wafers|Sandwich Cookies|Shortbread|Biscotti|Snack Cakes"),
    62: ("whites", "cellar", "Chardonnay|Riesling|Sauvignon Blanc|Pinot Grigio"),
    63: ("grains & pulses", "savoury", "Quinoa|Basmati Rice|Couscous|Red Lentils|Brown Rice|Farro"),
    64: ("energy & sport", "drink", "Energy Drink|Sports Drink|Electrolyte Water|Recovery Shot"),
    65: ("shakes & powders", "sweet", "Protein Powder|Meal Shake|Whey Powder|Protein Shake"),
    66: (
        "east asian shelf",
        "savoury",
        "Soy Sauce|Rice Noodles|Curry Paste|Coconut Milk|Rice Vinegar|Kimchi",
    ),
    67: ("chilled dips", "savoury", "Hummus|Guacamole|Tzatziki|Spinach Dip|Baba Ganoush"),
    68: ("scoop grains", "savoury", "Rolled Oats|Wild Rice|Split Peas|Bulgur"),
    69: ("soup & stock", "savoury", "Chicken Broth|Vegetable Stock|Tomato Soup|Bouillon|Bone Broth|Chowder"),
    70: ("tummy care", "care", "Antacid|Fiber Powder|Digestive Tablets|Laxative|Stomach Relief"),
    71: ("chilled puddings", "sweet", "Rice Pudding|Gelatin Cup|Pudding Cup|Cheesecake Cup|Cookie Dough Tub"),
    72: ("mustard & ketchup", "savoury", "Ketchup|Mustard|Mayonnaise|Hot Sauce|Relish|Horseradish"),
    73: ("face care", "care", "Face Wash|Face Cream|Cleansing Wipes|Toner|Face Mask"),
    74: ("washing up", "home", "Dish Soap|Dishwasher Tabs|Rinse Aid|Dishwasher Gel"),
    75: ("wash day", "home", "Laundry Detergent|Fabric Softener|Dryer Sheets|Stain Remover|Bleach"),
    76: ("south asian shelf", "savoury", "Tikka Masala|Naan|Chutney|Dal|Korma Sauce"),
    77: ("fizzy drinks", "drink", "Cola|Ginger Ale|Root Beer|Club Soda|Tonic|Orange Soda"),
    78: ("crackers & crisps", "savoury", "Crackers|Rice Thins|Crispbread|Pita Chips|Oat Crackers"),
    79: ("frozen slices", "savoury", "Cheese Pizza|Pepperoni Pizza|Veggie Pizza|Flatbread Pizza"),
    80: ("underarm care", "care", "Deodorant|Antiperspirant|Deodorant Spray|Body Spray"),
    81: ("tinned vegetables", "savoury", "Diced Tomatoes|Sweet Corn|Green Beans|Tomato Paste|Beets|Peas"),
    82: ("bottles & bibs", "baby", "Baby Bottle|Bib|Pacifier|Sippy Cup"),
    83: ("vegetable stand", "fresh", "Onions|Broccoli|Zucchini|Peppers|Cucumber|Carrots|Kale|Celery|Garlic"),
    84: ("milk jugs", "dairy", "Milk|Chocolate Milk|Buttermilk|Milk Jug|Goat Milk"),
    85: ("wraps & boxes", "home", "Foil|Cling Wrap|Sandwich Bags|Food Container|Freezer Bags"),
    86: ("egg cartons", "fresh", "Eggs|Brown Eggs|Egg Whites|Free Range Eggs"),
    87: ("odds & ends", "home", "Batteries|Light Bulbs|Note Pads|Plunger|Tape|Extension Cord"),
    88: ("spreads & jams", "sweet", "Peanut Spread|Jam|Almond Spread|Fruit Preserve|Chocolate Spread"),
    89: ("dressings & croutons", "savoury", "Ranch Dressing|Vinaigrette|Croutons|Caesar Dressing|Bacon Bits"),
    90: ("stir-in drinks", "sweet", "Hot Cocoa|Drink Mix|Malted Powder|Water Enhancer"),
    91: ("plant milks", "dairy", "Almond Drink|Oat Drink|Soy Drink|Coconut Drink|Rice Drink"),
    92: ("baby meals", "baby", "Puree Pouch|Infant Formula|Baby Cereal|Teething Rusks|Snack Puffs"),
    93: ("bagels & muffins", "sweet", "Bagels|English Muffins|Croissants|Muffins|Scones"),
    94: ("tea caddy", "drink", "Tea|Herbal Tea|Oolong Tea|Rooibos|Chai|White Tea"),
    95: ("tinned fish & meat", "savoury", "Tuna|Sardines|Canned Chicken|Anchovies|Corned Beef"),
    96: ("sandwich meat", "savoury", "Turkey Slices|Ham|Salami|Roast Beef|Pastrami"),
    97: ("baking tins & sprinkles", "sweet", "Sprinkles|Baking Cups|Pie Plate|Icing|Loaf Pan"),
    98: ("juice shelf", "drink", "Apple Juice|Grape Juice|Cranberry Juice|Fruit Nectar|Tomato Juice"),
    99: ("tinned fruit & sauce", "sweet", "Applesauce|Pineapple Chunks|Peach Slices|Fruit Cocktail"),
    100: ("missing", "savoury", "Lunch Box|Salad Kit|Market Bunch|Deli Bowl|Snack Tray|Grocery Item"),
    101: ("candles & scents", "home", "Candle|Air Freshener|Room Spray|Scent Refill"),
    102: ("baby bath", "baby", "Baby Shampoo|Baby Lotion|Baby Oil|Diaper Cream"),
    103: ("sundae bar", "sweet", "Chocolate Sauce|Ice Cream Cones|Caramel Topping|Maraschino Cherries"),
    104: (
        "spice rack",
        "savoury",
        "Paprika|Cumin|Oregano|Sea Salt Grinder|Curry Powder|Peppercorns|Bay Leaves",
    ),
    105: ("mixes & gelatin", "sweet", "Cake Mix|Brownie Mix|Gelatin Dessert|Muffin Mix|Biscuit Dough"),
    106: ("bacon & franks", "savoury", "Bacon|Beef Franks|Bratwurst|Breakfast Sausage|Turkey Bacon"),
    107: (
        "chips & pretzels",
        "savoury",
        "Tortilla Chips|Potato Chips|Pretzels|Corn Chips|Kettle Chips|Pretzel Thins",
    ),
    108: ("soft cheese tubs", "dairy", "Cream Cheese|Cottage Cheese|Ricotta|Sour Cream|Mascarpone"),
    109: ("skin & sun", "care", "Sunscreen|Lip Balm|Skin Cream|After Sun Gel"),
    110: ("olives & pickles", "savoury", "Dill Pickles|Kalamata Olives|Capers|Pickled Beets|Banana Peppers"),
    111: ("plates & cups", "home", "Paper Plates|Plastic Cups|Forks|Dinner Plate|Bowls"),
    112: ("loaves", "savoury", "Sandwich Bread|Sourdough|Rye Bread|Multigrain Loaf|Baguette|Raisin Bread"),
    113: ("frozen concentrates", "drink", "Juice Concentrate|Limeade|Frozen Lemonade"),
    114: (
        "cleaning cupboard",
        "home",
        "All Purpose Cleaner|Glass Cleaner|Sponges|Toilet Cleaner|Floor Wipes|Scrub Brush",
    ),
    115: ("water & seltzer", "drink", "Sparkling Water|Spring Water|Seltzer|Mineral Water|Coconut Water"),
    116: (
        "frozen fruit & veg",
        "fresh",
        "Peas|Corn|Mixed Berries|Spinach|Mango Chunks|Edamame|Broccoli Florets",
    ),
    117: (
        "nuts & dried fruit",
        "savoury",
        "Almonds|Cashews|Walnuts|Dried Cranberries|Pistachios|Medjool Dates",
    ),
    118: ("plasters & bandages", "care", "Bandages|Gauze|Antiseptic|Medical Tape|Cold Pack"),
    119: ("frozen cakes & pies", "sweet", "Frozen Pie|Cheesecake|Cream Puffs|Cobbler"),
    120: ("yogurt pots", "dairy", "Greek Yogurt|Yogurt|Kefir|Yogurt Drink|Skyr|Yogurt Tubes"),
    121: ("cereal boxes", "sweet", "Corn Flakes|Oat Rings|Bran Flakes|Crispy Rice|Wheat Squares"),
    122: ("butcher's block", "savoury", "Ribeye Steak|Pork Loin|Ground Chuck|Sirloin|Short Ribs"),
    123: (
        "washed & cut greens",
        "fresh",
        "Spinach|Spring Mix|Arugula|Carrot Sticks|Romaine Hearts|Coleslaw Mix",
    ),
    124: ("spirits & liqueurs", "cellar", "Vodka|Gin|Rum|Bourbon|Tequila"),
    125: ("trail mixes", "sweet", "Trail Mix|Nut Mix|Snack Mix|Berry Mix"),
    126: ("monthly care", "care", "Pads|Tampons|Liners|Menstrual Cup"),
    127: ("lotion & bath", "care", "Body Lotion|Shower Gel|Bath Salts|Body Butter|Bubble Bath"),
    128: ("wraps & flatbread", "savoury", "Flour Tortillas|Corn Tortillas|Pita|Lavash|Wraps"),
    129: ("frozen sides", "savoury", "French Fries|Egg Rolls|Mozzarella Sticks|Potstickers|Onion Rings"),
    130: ("oats & pancake mix", "sweet", "Oatmeal|Pancake Mix|Grits|Steel Cut Oats|Porridge"),
    131: ("pasta", "savoury", "Spaghetti|Penne|Rotini|Linguine|Lasagne Sheets|Orzo"),
    132: ("make-up", "care", "Mascara|Lipstick|Nail Polish|Cotton Rounds"),
    133: ("aches & sprains", "care", "Pain Relief Gel|Heat Patch|Ibuprofen|Muscle Rub"),
    134: ("bubbly & ports", "cellar", "Prosecco|Champagne|Port|Vermouth"),
}
"""Name, style and products of aisles 1 to 134."""
