"""Character classes for addresses in any script, as the inside of a regular expression's negated class."""

from __future__ import annotations

# No part of a word in any script: controls, spaces, symbols and punctuation beyond ASCII.
_NO_WORD = (
    "\x7f-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u060c\u061b\u061f\u0964\u0965\u1680\u2000-\u206f"
    "\u20a0-\u2bff\u3000-\u3004\u3008-\u3020\ufff0-\uffff\U0001f000-\U0001faff"
)
# Scripts that write words without spaces between them (and Hangul, which glues particles to foreign words):
# an address in Latin letters ends where they begin.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
_CONTROLS = "\\x00-\\x20"

# RFC 5322 atext without / = ? &, which in URLs and forms part an address from what stands before it.
_NO_LOCAL = _CONTROLS + '"(),/:;<=>?@\\[\\\\\\]&' + _NO_WORD
_NO_LABEL = _CONTROLS + "!-,./:-@\\[-`{-~" + _NO_WORD
_NO_LETTER = _CONTROLS + "!-@\\[-`{-~" + _NO_WORD

LOCAL_SPACED, LOCAL_ANY = f"[^{_NO_LOCAL}{_UNSPACED}]", f"[^{_NO_LOCAL}]"
LABEL_SPACED, LABEL_ANY = f"[^{_NO_LABEL}{_UNSPACED}]", f"[^{_NO_LABEL}]"
LETTER_SPACED, LETTER_ANY = f"[^{_NO_LETTER}{_UNSPACED}]", f"[^{_NO_LETTER}]"
UNSPACED = f"[{_UNSPACED}]"
