"""The words of a training algorithm that a candidate may not use, of values of any type.

What it may take from a module is allowed by name, in the library of the tasks. Tensors and other
values have no known type in an audit, so their attributes are forbidden by name.
"""

import sys

# Modules of the standard library that share their names with methods of tensors and containers.
_METHODS = {"chunk", "copy", "select", "trace"}
_FRAMES = """
add_note ag_await ag_code ag_frame ag_running cr_await cr_code cr_frame cr_origin cr_running
currentframe f_back f_builtins f_code f_globals f_lasti f_lineno f_locals f_trace format
format_map func_globals get_objects get_referents get_referrers gi_code gi_frame gi_running
gi_suspended gi_yieldfrom mro tb_frame tb_lasti tb_lineno tb_next with_traceback
"""
_CLOCKS = """
clock default_timer monotonic perf_counter process_time sleep thread_time
"""
_SEEDING = """
Generator fork_rng get_rng_state initial_seed manual_seed random_ seed set_rng_state
thread_safe_generator
"""
_GRAPH = """
apply_ backward bernoulli_ cauchy_ exponential_ geometric_ grad_fn log_normal_ map_ metadata
next_functions normal_ register_hook register_post_accumulate_grad_hook register_prehook
retain_grad saved_tensors uniform_ variable
"""
_MEMORY = """
as_strided as_strided_ base data_ptr dlpack empty empty_like empty_strided from_dlpack from_file
from_numpy frombuffer new new_empty new_empty_strided numpy resize_ resize_as_ share_memory
share_memory_ storage storage_offset stride to_dlpack tobytes tofile typed_storage untyped_storage
"""
_TOOLS = """
autocast autograd backends compile cpp_extension cuda cudnn device_mesh distributed dump dumps
environ export fork futures getattr hub inductor init_num_threads jit library load load_state_dict
loads masked mps multiprocess onnx ops optim overrides package pickle popen profiler quantization
save serialization set_ setattr spawn storage_type subprocess system testing torch_version
use_deterministic_algorithms utils vmap_mode xpu
"""
FORBIDDEN_ATTRIBUTES = frozenset(
    {
        *(sys.stdlib_module_names - _METHODS),
        *f"{_FRAMES} {_CLOCKS} {_SEEDING} {_GRAPH} {_MEMORY} {_TOOLS}".split(),
    }
)
FORBIDDEN_PREFIXES = ("set_",)
