"""What somebody acts on, when somebody else has deleted it since their page was made."""


class SubjectGone(Exception):
    """Nothing was written. On a curator's page it is what an address of something deleted is: 404."""
