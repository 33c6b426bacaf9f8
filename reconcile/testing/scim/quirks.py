"""What real services do otherwise than the standard has it. Each was seen at one of them."""

import msgspec


class Quirks(msgspec.Struct):
    """How a service is odd. May be changed while it runs."""

    # Reading.
    ignores_paging: int = 0
    """As many as every list gives, whatever page is asked for."""
    first_page_again: bool = False
    """Past the end the first page comes again."""
    pages_overlap: bool = False
    """Each page begins with the last of the one before."""
    no_paging: bool = False
    """A list that is asked for with `count` is an error 500, as a page of HTML."""
    largest_page: int = 0
    """As many as a page has at most; 0 for no such limit."""
    cursor: bool = False
    """Lists go on by a cursor, and do not say how many there are."""
    no_total: bool = False
    """Lists do not say how many there are."""
    total_moves: bool = False
    """Every page says that there is one more."""
    lists_nothing: bool = False
    """Lists are empty, and say so."""
    ignores_filter: bool = False
    """Whatever the filter, everything comes."""
    refuses_filter: bool = False
    """Filters are an error 400."""
    no_members_in_lists: bool = False
    """A list of groups shows their members as empty."""
    no_members: bool = False
    """No answer shows the members of a group."""
    members_capped: int = 0
    """As many members as a group shows; a change of members then loses the others."""
    members_by_name: bool = False
    """Members are shown, and removed, by user name; they are added by id."""
    shows_groups: bool = False
    """Users show their groups."""
    # Writing.
    patch_answers: bool = True
    """A PATCH is answered with the resource, otherwise with 204."""
    no_patch: bool = False
    """PATCH is 501."""
    patch_not_atomic: bool = False
    """What came before an operation that fails is done."""
    add_does_nothing: bool = False
    """Members are not added, and the answer is 204."""
    remove_does_nothing: bool = False
    """Members are not removed, and the answer is 204."""
    last_member_stays: bool = False
    """Removing the last member of a group is an error 500."""
    remove_by_value_removes_all: bool = True
    """Removing members without a filter removes every one, as the standard has it."""
    deactivate_does_nothing: bool = False
    """`active` stays as it is, and the answer is 200."""
    delete_disables: bool = False
    """A user that is deleted is only deactivated."""
    drops_external_id: bool = False
    """`externalId` is accepted and not kept."""
    keeps_dangling: bool = False
    """A user that is deleted stays a member."""
    fixed_usernames: bool = False
    """A user name cannot change: 400, mutability."""
    # Bad days.
    delay: float = 0.0
    """Seconds that every answer takes."""
    done_and_500: int = 0
    """Every so many writes, one is done and answered with 500."""
    lost_answers: int = 0
    """Every so many writes, one is done and the connection is closed without an answer."""
    html_500: int = 0
    """Every so many requests, one is answered with 500 and a page of HTML."""
    too_many: int = 0
    """Every so many requests, one is answered with 429 and Retry-After: 0."""
    retry_after: str = "0"
    """What Retry-After says."""
    unavailable: int = 0
    """Every so many requests, one is answered with 503 and Retry-After."""
    token_dies_after: int = 0
    """As many requests as the token is good for."""
    forbidden: bool = False
    """Every write is 403."""
    html_200: bool = False
    """Every answer is 200 and a page of HTML, as of a login page."""
    cut_off: bool = False
    """Lists end in the middle of their JSON."""
