"""Measuring is tested for what it says of costs, not for the costs."""
