"""Scripts without comments, space and long names: the same script all the same."""

import re
import shutil
import subprocess

import pytest

from gatekeeper.browser import template
from gatekeeper.browser.squeeze import squeezed

CASES = {
    "comments": ("a = 1; // one\n/* two\n three */ b = 2;\n", "a=1;b=2;\n"),
    "strings-stay": ("f('// no', \"/* no */\", `// no  ${x}`);", "f('// no',\"/* no */\",`// no  ${x}`);\n"),
    "patterns-stay": (r"x = /[/'] \/\/ /g.test(y) / 2;", "x= /[/'] \\/\\/ /g.test(y) / 2;\n"),
    "division": ("a = b / c / d;", "a=b / c / d;\n"),
    "end-of-statement": ("a()\nb()\n[1].c", "a()\nb()\n[1].c\n"),
    "words-stay-apart": ("return typeof  x in  y", "return typeof x in y\n"),
    "signs-stay-apart": ("a + ++b - -c", "a+ ++b- -c\n"),
    "names": ("const long = 1; f(long);", "const a=1;f(a);\n"),
    "several-names": ("let long, other = f(1, 2), more; f(other, { more });", "let b,a=f(1,2),more;f(a,{more});\n"),
    "parameters": ("f((long) => long + 1)", "f((a)=>a+1)\n"),
    "shorthand-stays": ("const long = 1; f({ long });", "const long=1;f({long});\n"),
    "properties-stay": ("const long = 1; f(x.long, long);", "const long=1;f(x.long,long);\n"),
    "keys-stay": ("const long = 1; f({ long: long });", "const long=1;f({long:long});\n"),
    "methods-stay": ("class A { long(x) { } }\nconst long = 1;", "class A{long(x){}}\nconst long=1;\n"),
    "templates-hold-names": ("const long = 1; f(`${long}`);", "const long=1;f(`${long}`);\n"),
    "no-name-is-taken-twice": ("const a = 1, long = 2;\nconst other = 3; f(a, other);", None),
    "globals-stay": ("document.x(navigator)", "document.x(navigator)\n"),
}


@pytest.mark.parametrize(("source", "wanted"), CASES.values(), ids=CASES)
def test_a_script_is_shorter_and_the_same(source, wanted):
    """By rules that can be read at the top of the module."""
    found = squeezed(source)
    if wanted is None:
        names = re.findall(r"[a-z]\w*", found.split("f(")[1])
        assert len(set(names)) == 2
    else:
        assert found == wanted


@pytest.mark.parametrize("source", ["'open", "`open", "/* open", 'a = "x\n"'])
def test_what_does_not_end_is_told(source):
    """With its line."""
    with pytest.raises(ValueError, match="line 1"):
        squeezed(source)


@pytest.mark.parametrize("name", ["gatekeeper.js", "banner.js"])
def test_packaged_scripts_are_scripts(name, tmp_path):
    """As they are served: squeezing twice changes no more than names, and Node, where it is, can read them."""
    found = squeezed(template(name))
    assert "//" not in re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`", "", found)
    node = shutil.which("node")
    if node is not None:
        path = tmp_path / "script.mjs"
        path.write_text(found)
        told = subprocess.run([node, "--check", path], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
