"""The errors that a person sees as one sentence."""


class UserError(Exception):
    """Nothing could start: the message says what, where and what to do. The program ends with exit code 2."""


class MediaError(Exception):
    """One input or output file cannot be handled; the message names it. It fails that video alone."""


class EngineUnavailable(Exception):
    """An engine cannot run here: the message says what is missing, where it was looked for and what to do instead."""
