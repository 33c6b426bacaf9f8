"""What a pipeline needs beside a plan: the commit it is about, and facts for its next steps."""
