"""What a server shows of itself before anything is known about it: product, bases, contents."""
