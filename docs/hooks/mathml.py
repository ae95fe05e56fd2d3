"""Turn the formulas of a page into MathML while the site is built.

Every current browser draws MathML itself, so that a page needs no script and nothing from a network.
"""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
_BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)
_LOG = re.compile(r"<mi>log</mi>(?=<m(i|sub|sup|row|over)>)")


def on_page_content(content: str, **_: Any) -> str:
    """Replace what `pymdownx.arithmatex` has marked in a rendered page (called by mkdocs)."""
    content = _BLOCK.sub(lambda m: _mathml(m[1], "block"), content)
    return _INLINE.sub(lambda m: _mathml(m[1], "inline"), content)


def _mathml(formula: str, display: str) -> str:
    # The converter sets "log x" without the space of TeX, and |x| with spaces that TeX does not set.
    mathml = convert(html.unescape(formula), display=display)
    mathml = mathml.replace("<mo>&#x0007C;</mo>", '<mo lspace="0" rspace="0" stretchy="false">|</mo>')
    return _LOG.sub(r'\g<0><mspace width="0.17em"/>', mathml)
