"""What differs between the products: classes, attributes, ids, how an account is disabled."""
