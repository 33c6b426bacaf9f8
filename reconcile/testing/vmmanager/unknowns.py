"""What is not known of VMmanager 6, or differs between versions and on bad days."""

from typing import Literal

import msgspec


class Unknowns(msgspec.Struct):
    """How an installation is. May be changed while it runs."""

    # Names and literals.
    login: str = "email"
    """The field of an account that holds its login: an address, or username@domain."""
    state: str = "state"
    """The field with the state of an account; "" shows none."""
    active: str = "active"
    suspended: str = "suspended"
    """The literals of the two states."""
    roles: Literal["list", "objects", "text"] = "list"
    """How the roles of an account are shown."""
    machines: str = "host_count"
    """The field with the number of machines that an account owns; "" shows none."""

    # Lists and single accounts.
    size: Literal["total", "page", "none"] = "total"
    """What `size` of a list says."""
    single: Literal["account", "where", "none"] = "account"
    """How one account can be read: GET account/{id}, a list with `where`, or not at all."""
    ignores_limit: bool = False
    """Every list has everything, whatever is asked for."""
    first_page_again: bool = False
    """Past the end the first page comes again."""
    pages_overlap: bool = False
    """Each page begins with the last of the one before."""
    largest_page: int = 0
    """As many as a page has at most; 0 for no such limit."""
    refuses_limit: bool = False
    refuses_orderby: bool = False
    """The parameter is an error."""
    size_moves: bool = False
    """Every list says that there is one more."""
    cut_off: bool = False
    """Lists end in the middle of their JSON."""
    lists_nothing: bool = False
    """Lists are empty, and say so."""

    # Tokens.
    token_dies_after: int = 0
    """After so many requests a token is no longer accepted; 0 for never."""
    token_status: int = 201
    confirmed: bool = True
    """Whether a token may be used at once, without a second factor."""
    not_authorised: int = 401
    """The HTTP status of error 3001."""

    # Errors.
    refused: int = 400
    """The HTTP status of a request that is refused."""
    bare_errors: bool = False
    """An error is a text, without code and value."""
    too_many: int = 0
    unavailable: int = 0
    """Every so many requests are answered with 429, or 503; 0 for never."""
    retry_after: str = ""
    """The header Retry-After of these answers; "" for none."""
    html_503: bool = False
    """The 503 is a page of HTML, as of a proxy."""
    html_200: bool = False
    """Every answer is a page of HTML."""
    lost_answers: int = 0
    """Every so many writes are done, and not answered."""
    read_only: bool = False
    """The account may read, and writes are refused with 403."""
    delay: float = 0.0
    """Seconds that an answer takes."""

    # A yes that is none.
    late: int = 0
    """So many looks at an account, or lists, after which a suspension shows."""
    suspend_does_nothing: bool = False
    rename_does_nothing: bool = False
    roles_do_nothing: bool = False
    delete_does_nothing: bool = False
    """The service answers with 200, and nothing changes."""
    create_without_id: bool = False
    """The answer of a create has no id."""
    create_as: str = ""
    """The state of a new account; "" for active."""
