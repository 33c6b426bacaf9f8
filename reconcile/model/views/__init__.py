"""What commands show that is no plan: an explanation, an overview of a source."""
