"""Where the test part of the data goes in a notebook: into scores, never into training or a choice.

The cells are followed in order without being run: a value that is computed from a test part is marked, under
whatever name it goes on, through functions of the notebook too. What is learnt from (`LEARNS`) and what is
chosen (`CHOSEN`) must not be marked.

Not followed: which branch an `if` takes, and what a library keeps to itself.
"""

import ast
import re
from dataclasses import dataclass, field

import nbformat

TEST = re.compile(r"(^|_)test(_|$)")
# Functions that learn from their arguments, of Keras and of `utils`; those of a notebook are followed.
LEARNS = {"fit", "fit_transform", "partial_fit", "train_on_batch", "adapt", "apply_gradients"}
LEARNS |= {"train", "train_independent", "tuned", "Counts", "word_list", "make_vocabulary"}
CHOSEN = re.compile(
    r"(^|_)(threshold|calibrat\w*|chosen|choice|temperature|learning_rate|best_rate)s?(_|$)", re.IGNORECASE
)
# Functions of `utils` that take the parts of the data by name, learn from "train" alone, return each part.
PART_BY_PART = {"standardised"}
# Notebooks that cannot be followed and were read by somebody, with what makes them honest.
READ = {
    "05_depth": "speakers who are heard in training are not scored, whatever part they were in",
    "08_which_layer": 'a function returns all parts of all layers; training takes "train", the choice "dev"',
    "15_do_labels_depend": 'one function costs any part; it learns from "train", chooses on "validation"',
}
ADDS = {"append", "extend", "update", "add", "insert", "setdefault"}
FREE = {"card", "print", "plt", "plots"}  # results go here, and nothing comes back
NO_DATA = {"len", "type", "isinstance", "shape", "dtype"}  # say nothing of what is in the data

Labels = frozenset[str]
CLEAN: Labels = frozenset()
MARK = "test"


@dataclass
class Value:
    """What is known of a value: its marks, those of its parts, and what it is if it is a constant."""

    labels: Labels = CLEAN
    parts: "list[Value] | dict[str, Value] | None" = None
    constant: str | None = None

    def all(self) -> Labels:
        inner = self.parts.values() if isinstance(self.parts, dict) else self.parts or []
        return self.labels.union(*(part.all() for part in inner))


@dataclass
class Function:
    """A function of the notebook: its parameters by name, and what becomes of them."""

    node: ast.FunctionDef | ast.Lambda
    learns: Labels = CLEAN  # marks of what it learns from: "test", or its own parameters
    gives: Labels = CLEAN  # marks of what it returns


@dataclass
class Follower:
    """Follows a notebook cell by cell."""

    values: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    learnt: Labels = CLEAN  # while a function is followed: the marks of what it learns from
    given: Labels = CLEAN  # and of what it returns
    inside: bool = False
    found: list[str] = field(default_factory=list)
    cell: str = ""

    # ---- expressions

    def value(self, node: ast.AST | None) -> Value:
        """What is known of an expression; what it does on the way is followed, too."""
        if node is None:
            return Value()
        method = getattr(self, f"of_{type(node).__name__}", None)
        if method is not None:
            return method(node)
        return Value(CLEAN.union(*(self.value(child).all() for child in ast.iter_child_nodes(node))))

    def of_Constant(self, node: ast.Constant) -> Value:
        return Value(constant=node.value if isinstance(node.value, str) else None)

    def of_Name(self, node: ast.Name) -> Value:
        if node.id in self.values:
            return self.values[node.id]
        if node.id in self.functions:  # handed on, to be called elsewhere
            return Value(self.functions[node.id].gives & {MARK})
        return Value(frozenset([MARK]) if TEST.search(node.id) else CLEAN)

    def of_Attribute(self, node: ast.Attribute) -> Value:
        if node.attr in ("test", "test_labels"):
            return Value(frozenset([MARK]))
        if node.attr in NO_DATA:
            return Value()
        base = self.value(node.value)
        return Value(base.all())

    def of_Subscript(self, node: ast.Subscript) -> Value:
        base, key = self.value(node.value), self.value(node.slice)
        index = getattr(node.slice, "value", None)
        if isinstance(base.parts, dict) and key.constant in base.parts:
            return base.parts[str(key.constant)]
        if isinstance(base.parts, list) and isinstance(index, int) and index < len(base.parts):
            return base.parts[index]
        if key.constant is not None and base.parts is None and not base.labels:
            return Value(frozenset([MARK]) if TEST.search(key.constant) else CLEAN)
        return Value(base.all() | key.all())

    def of_Tuple(self, node: ast.Tuple | ast.List) -> Value:
        if any(isinstance(part, ast.Starred) for part in node.elts):
            return Value(CLEAN.union(*(self.value(part).all() for part in node.elts)))
        return Value(parts=[self.value(part) for part in node.elts])

    of_List = of_Tuple

    def of_Dict(self, node: ast.Dict) -> Value:
        parts, rest = {}, CLEAN
        for key, item in zip(node.keys, node.values, strict=True):
            known = self.value(key).constant if key is not None else None
            if known is None:
                rest |= self.value(item).all()
            else:
                parts[known] = self.value(item)
        return Value(rest, parts)

    def of_DictComp(self, node: ast.DictComp) -> Value:
        made: dict[str, Value] = {}
        rest = CLEAN
        for _ in self.turns(node.generators):
            key, item = self.value(node.key), self.value(node.value)
            if key.constant is None:
                rest |= item.all() | key.all()
            else:
                made[key.constant] = item
        return Value(rest, made)

    def of_ListComp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Value:
        return Value(parts=[self.value(node.elt) for _ in self.turns(node.generators)])

    of_GeneratorExp = of_ListComp
    of_SetComp = of_ListComp

    def of_IfExp(self, node: ast.IfExp) -> Value:
        asked = self.value(node.test).all()
        one, other = self.value(node.body), self.value(node.orelse)
        if (
            isinstance(one.parts, dict)
            and isinstance(other.parts, dict)
            and one.parts.keys() == other.parts.keys()
        ):
            parts = {
                key: Value(asked | part.all() | other.parts[key].all()) for key, part in one.parts.items()
            }
            return Value(asked | one.labels | other.labels, parts)
        return Value(asked | one.all() | other.all())

    def of_NamedExpr(self, node: ast.NamedExpr) -> Value:
        known = self.value(node.value)
        self.bind(node.target, known)
        return known

    def of_Lambda(self, node: ast.Lambda) -> Value:
        return Value(self.follow(Function(node)).gives - set(parameters(node)))

    def of_Call(self, node: ast.Call) -> Value:
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        given = [self.value(arg.value if isinstance(arg, ast.Starred) else arg) for arg in node.args]
        named = {keyword.arg: self.value(keyword.value) for keyword in node.keywords}
        everything = CLEAN.union(*(one.all() for one in [*given, *named.values()]))
        if getattr(owner, "id", None) in FREE or name in FREE | NO_DATA:
            return Value()
        if name in self.functions and owner is None:
            return self.called(self.functions[name], given, named)
        if name == "getattr" and len(given) > 1:
            return Value(frozenset([MARK]) if TEST.search(given[1].constant or "") else given[0].all())
        if name in PART_BY_PART and len(given) == 1:
            return given[0]
        if name in LEARNS:
            self.learn(everything, f"{name}(...)")
            return Value()
        if name in ("items", "zip", "enumerate"):
            return self.paired(name, owner, given)
        if name in ADDS and isinstance(owner, ast.Name) and everything:
            base = self.values.get(owner.id, Value())
            self.values[owner.id] = Value(base.labels | everything, base.parts)
        held = self.value(owner).all() if owner is not None else CLEAN
        return Value(held | everything | (self.value(node.func).all() if owner is None else CLEAN))

    def paired(self, name: str, owner: ast.AST | None, given: list[Value]) -> Value:
        """The elements of `d.items()`, `zip(...)`, `enumerate(...)`, each on its own where they are known."""
        if name == "items" and owner is not None:
            base = self.value(owner)
            if isinstance(base.parts, dict):
                pairs = [Value(parts=[Value(constant=key), item]) for key, item in base.parts.items()]
                rest = [Value(parts=[Value(), Value(base.labels)])] if base.labels else []
                return Value(parts=pairs + rest)
            return Value(base.all())
        if name == "enumerate" and given and isinstance(given[0].parts, list):
            return Value(parts=[Value(parts=[Value(), part]) for part in given[0].parts])
        if name == "zip" and given:
            columns = [self.elements(one) for one in given]
            most = max(map(len, columns))
            if all(len(column) in (1, most) for column in columns):
                rows = [[c[k] if len(c) == most else c[0] for c in columns] for k in range(most)]
                return Value(parts=[Value(parts=row) for row in rows])
        return Value(CLEAN.union(*(one.all() for one in given)))

    @staticmethod
    def elements(known: Value) -> list[Value]:
        """What a loop over a value takes in turn."""
        if isinstance(known.parts, list) and known.parts:
            return [Value(part.labels | known.labels, part.parts, part.constant) for part in known.parts]
        if isinstance(known.parts, dict) and known.parts:
            return [Value(constant=key) for key in known.parts]
        return [Value(known.all())]

    def turns(self, generators: list[ast.comprehension]):  # type: ignore[no-untyped-def]
        """Bind the variables of a comprehension to each combination of elements."""
        if not generators:
            yield None
            return
        first, *rest = generators
        for element in self.elements(self.value(first.iter)):
            self.bind(first.target, element)
            for condition in first.ifs:
                self.value(condition)
            yield from self.turns(rest)

    def called(self, function: Function, given: list[Value], named: dict[str | None, Value]) -> Value:
        """A call of the notebook's own function: in place of its parameters' marks come those given."""
        names = parameters(function.node)
        marks = {name: one.all() for name, one in zip(names, given, strict=False)}
        beyond = CLEAN.union(*(one.all() for one in given[len(names) :]))
        for name, one in named.items():
            if name in names:
                marks[str(name)] = one.all()
            else:
                beyond |= one.all()

        def replaced(labels: Labels) -> Labels:
            kept = labels - {parameter(name) for name in names}
            own = [marks.get(name, CLEAN) for name in names if parameter(name) in labels]
            more = beyond if labels & {parameter(name) for name in names[-2:]} else CLEAN
            return kept.union(*own) | (more & frozenset([MARK]) if own else CLEAN)

        self.learn(replaced(function.learns), f"{getattr(function.node, 'name', 'a function')}(...)")
        return Value(replaced(function.gives))

    # ---- statements

    def learn(self, labels: Labels, how: str) -> None:
        """Note what is learnt from."""
        self.learnt |= labels
        if MARK in labels and not self.inside:
            self.found.append(f"cell {self.cell!r}: test data reach {how}")

    def bind(self, target: ast.AST, known: Value) -> None:
        """Give a name, or names in a tuple, what is known of a value."""
        if isinstance(target, ast.Name):
            self.functions.pop(target.id, None)
            marked = known
            if TEST.search(target.id) and not known.all():
                marked = Value(frozenset([MARK]))
            if CHOSEN.search(target.id):
                self.learn(known.all(), f"the choice {target.id}")
            self.values[target.id] = marked
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = known.parts if isinstance(known.parts, list) else None
            for place, one in enumerate(target.elts):
                exact = parts is not None and len(parts) == len(target.elts)
                self.bind(one, parts[place] if exact and parts else Value(known.all()))
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Value(known.all()))
        elif isinstance(target, ast.Subscript):
            self.put(target, known)
        elif isinstance(target, ast.Attribute):
            self.value(target.value)

    def put(self, target: ast.Subscript, known: Value) -> None:
        """An element of a container gets a value."""
        if not isinstance(target.value, ast.Name):
            base = target.value
            while isinstance(base, (ast.Subscript, ast.Attribute)):
                base = base.value
            if isinstance(base, ast.Name) and known.all() and base.id not in FREE:
                held = self.values.get(base.id, Value())
                self.values[base.id] = Value(held.labels | known.all(), held.parts)
            return
        held, key = self.values.get(target.value.id, Value()), self.value(target.slice).constant
        if key is not None and (held.parts is None or isinstance(held.parts, dict)):
            self.values[target.value.id] = Value(held.labels, {**(held.parts or {}), key: known})
        elif known.all():
            self.values[target.value.id] = Value(held.labels | known.all(), held.parts)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            known = self.value(node.value)
            for target in node.targets:
                self.bind(target, known)
                if isinstance(node.value, ast.Lambda) and isinstance(target, ast.Name):
                    self.functions[target.id] = self.follow(Function(node.value))
        elif isinstance(node, ast.AugAssign):
            held, more = self.value(node.target), self.value(node.value)
            known = Value(held.all() | more.all())
            if isinstance(held.parts, dict) and isinstance(more.parts, dict):  # d |= {...}
                known = Value(held.labels | more.labels, held.parts | more.parts)
            self.bind(node.target, known)
        elif isinstance(node, ast.AnnAssign):
            self.bind(node.target, self.value(node.value))
        elif isinstance(node, ast.For):
            for element in self.elements(self.value(node.iter)):
                self.bind(node.target, element)
                self.block(node.body)
            self.block(node.orelse)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.functions[node.name] = Function(node)  # type: ignore[arg-type]
            self.functions[node.name] = self.follow(self.functions[node.name])
            self.values.pop(node.name, None)
        elif isinstance(node, ast.Return):
            self.given |= self.value(node.value).all()
        elif isinstance(node, ast.With):
            for item in node.items:
                known = self.value(item.context_expr)
                if item.optional_vars is not None:
                    self.bind(item.optional_vars, known)
            self.block(node.body)
        elif isinstance(node, (ast.If, ast.While)):
            self.value(node.test)
            self.block([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            self.block(
                [*node.body, *(s for h in node.handlers for s in h.body), *node.orelse, *node.finalbody]
            )
        elif isinstance(node, ast.Expr):
            self.value(node.value)
            if isinstance(node.value, (ast.Yield, ast.YieldFrom)):
                self.given |= self.value(node.value.value).all()

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def follow(self, function: Function) -> Function:
        """What a function learns from and returns, in terms of its parameters and of the notebook."""
        node = function.node
        inner = Follower(dict(self.values), dict(self.functions), inside=True, cell=self.cell)
        inner.values |= {name: Value(frozenset([parameter(name)])) for name in parameters(node)}
        for name in parameters(node):
            inner.functions.pop(name, None)
        if isinstance(node, ast.Lambda):
            inner.given = inner.value(node.body).all()
        else:
            inner.block(node.body)
        return Function(node, inner.learnt, inner.given)


def parameter(name: str) -> str:
    """The mark of a parameter."""
    return f"parameter {name}"


def parameters(node: ast.FunctionDef | ast.Lambda) -> list[str]:
    """The names of a function's parameters, those that take the rest at the end."""
    given = node.args
    rest = [arg.arg for arg in (given.vararg, given.kwarg) if arg is not None]
    return [*(arg.arg for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs]), *rest]


def check_flow(notebook: nbformat.NotebookNode, stem: str = "") -> list[str]:
    """One sentence for each place where test data reach training or a choice; empty if none do."""
    if stem in READ:
        return []
    follower = Follower()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            follower.cell = cell.id
            try:
                follower.block(ast.parse(cell.source).body)
            except SyntaxError:
                continue  # a finding of its own
    return list(dict.fromkeys(follower.found))
