"""The words that no ordinary program needs within its walls, and those that a reader should see.

They hold for tasks whose audit level is `program`. What is refused reaches for other processes,
the network, the interpreter itself, or makes code or text that no reader sees.
"""

from collections.abc import Mapping

_WHY = {
    "reaches for memory and code beyond Python": "ctypes _ctypes cffi mmap pycparser",
    "starts other processes": "_posixsubprocess multiprocessing pexpect pty subprocess",
    "reaches for a network": (
        "_socket aiohttp asyncore ftplib http httpx imaplib nntplib paramiko poplib requests "
        "smtplib socket socketserver ssl telnetlib urllib urllib3 websockets xmlrpc"
    ),
    "reaches into the interpreter": (
        "__main__ _frozen_importlib _imp _thread _xxsubinterpreters ast builtins code codeop dis "
        "faulthandler fcntl imp importlib opcode pkgutil ptrace resource runpy signal site "
        "sitecustomize termios tracemalloc usercustomize zipimport"
    ),
    "makes values of bytes that no reader sees": (
        "_pickle base64 binascii cloudpickle codecs copyreg dill joblib marshal pickle quopri "
        "shelve uu"
    ),
    "belongs to the task, not to the candidate": "data_key grader guest predictor trainer",
}
# Why a module is refused, by its first name.
MODULES: Mapping[str, str] = {name: why for why, listed in _WHY.items() for name in listed.split()}
# Of other modules: what leads to the same, whatever the value is that is asked for it.
_ATTRIBUTES = """
CodeType FunctionType LambdaType _current_frames _getframe addaudithook ag_frame cr_frame
cpp_extension currentframe dlopen f_back f_builtins f_code f_globals f_locals fork forkpty
fromhex func_globals get_objects get_referents get_referrers gi_code gi_frame import_module
load_inline load_library load_module meta_path path_hooks popen posix_spawn posix_spawnp
register_at_fork setprofile settrace system tb_frame tb_next unregister_at_fork
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())
PREFIXES = ("exec", "spawn")  # of the functions of os, by their full names
CALLED = frozenset(("__import__", "compile", "eval", "exec"))
_PRIVATE = """
__base__ __bases__ __build_class__ __builtins__ __closure__ __code__ __cached__ __func__
__getattribute__ __getstate__ __globals__ __import__ __loader__ __mro__ __reduce__
__reduce_ex__ __self__ __setstate__ __spec__ __subclasses__ __subclasshook__ __traceback__
__wrapped__
"""
PRIVATE = frozenset(_PRIVATE.split())

SHOWN_MODULES: Mapping[str, str] = {
    "asyncio": "runs coroutines",
    "atexit": "runs code after its end",
    "bz2": "unpacks data",
    "concurrent": "starts threads",
    "gc": "reaches for the memory of others",
    "gzip": "unpacks data",
    "inspect": "looks at its own code",
    "lzma": "unpacks data",
    "shutil": "moves files",
    "sys": "reaches for the interpreter",
    "tempfile": "writes files",
    "threading": "starts threads",
    "time": "reads the clock",
    "types": "makes types",
    "zipfile": "unpacks data",
    "zlib": "unpacks data",
}
SHOWN_CALLS: Mapping[str, str] = {
    "chr": "makes text of code points",
    "delattr": "changes an attribute by name",
    "getattr": "asks for an attribute by name",
    "globals": "looks at its own variables by name",
    "locals": "looks at its own variables by name",
    "open": "opens a file",
    "setattr": "changes an attribute by name",
    "vars": "looks at its own variables by name",
}
SHOWN_ATTRIBUTES: Mapping[str, str] = {
    "environ": "reads or sets the environment",
    "getenv": "reads the environment",
    "manual_seed": "fixes random numbers",
    "manual_seed_all": "fixes random numbers",
    "read_bytes": "opens a file",
    "read_text": "opens a file",
    "seed": "fixes random numbers",
    "unlink": "removes a file",
    "write_bytes": "writes a file",
    "write_text": "writes a file",
}
SHOWN_PATHS: Mapping[str, str] = {
    "torch.compile": "compiles, which may start processes",
    "torch.distributed": "reaches for other processes",
    "torch.hub": "reaches for a network",
    "torch.load": "reads a file of values",
    "torch.multiprocessing": "starts other processes",
    "torch.save": "writes a file of values",
}
