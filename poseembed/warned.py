"""Warnings that name the place in the user's code, however deep in the library they come up."""

import sys
import warnings

_PASSED_THROUGH = {"poseembed", "torch", "jaxtyping", "beartype"}
"""Packages on the way here: torch wraps `embed`, and so does whoever checks annotations."""


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, naming the line that called the library.

    Args:
        text: What is the matter and how to mend it. Python shows a text once for a line, so one that can come up
            again and again for one reason should not name numbers.
        category: Of the warning.
    """
    # `skip_file_prefixes` of Python 3.12 would do it.
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED_THROUGH:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
