"""Written by tools/python_declarations.py from the public headers; do not edit."""

from __future__ import annotations

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint,
    c_uint32,
    c_uint64,
    c_uint8,
    c_void_p,
)
from typing import Any

VERSION = "0.1.0"
IL_OK = 0
IL_ERROR_MEMORY = 10
IL_ERROR_ARGUMENT = 20
IL_ERROR_SHAPE = 30
IL_ERROR_TYPE = 31
IL_ERROR_STAGE = 32
IL_ERROR_UNSUPPORTED = 40
IL_ERROR_FILE = 50
IL_ERROR_FORMAT = 60
IL_ERROR_CONFIG = 70
IL_ERROR_DATA = 80
IL_ERROR_MISMATCH = 90
IL_ERROR_INTERRUPTED = 100
IL_ERROR_RANKS = 110
IL_FIELD_INT64 = 1
IL_FIELD_INT32 = 2
IL_FIELD_DOUBLE = 3
IL_FIELD_BOOL = 4
IL_FIELD_ENUM = 5
IL_FIELD_TEXT = 6
IL_FIELD_RANGE = 7
IL_FIELD_TEXT_SIZE = 320
IL_MAX_RANK = 8
IL_FLOAT32 = 1
IL_FLOAT64 = 2
IL_INT32 = 3
IL_UINT8 = 4
IL_FLOAT16 = 5
IL_BFLOAT16 = 6
IL_INT8 = 7
IL_INT16 = 8
IL_INT64 = 9
IL_BOOL = 10
IL_SHARED = 1
IL_TASK = 2
IL_INIT_DEFAULT = 0
IL_INIT_XAVIER_UNIFORM = 1
IL_INIT_XAVIER_NORMAL = 2
IL_INIT_KAIMING_UNIFORM = 3
IL_INIT_KAIMING_NORMAL = 4
IL_INIT_NORMAL = 5
IL_INIT_TRUNCATED_NORMAL = 6
IL_INIT_ZERO = 7
IL_INIT_UNIFORM = 8
IL_INIT_ONE = 9
IL_ADAPTS = 1
IL_HEAD = 2
IL_SLOT = 4
IL_EACH_STEP = 8
IL_REPLACED = 16
IL_NO_DECAY = 32
IL_ENTRY_NAME = 64
IL_LANES_CHOOSE = 0
IL_LANES_NEVER = 1
IL_LANES_ALWAYS = 2
IL_WORKSPACE_ALIGNMENT = 64
IL_LAYER_LINEAR = 1
IL_LAYER_CONV = 2
IL_LAYER_NORM = 3
IL_LAYER_RELU = 4
IL_LAYER_TANH = 5
IL_LAYER_SIGMOID = 6
IL_LAYER_MAX_POOL = 7
IL_LAYER_MEAN_POOL = 8
IL_LAYER_FLATTEN = 9
IL_LAYER_DROPOUT = 10
IL_LAYER_CONV1D = 11
IL_LAYER_LAYER_NORM = 12
IL_LAYER_INSTANCE_NORM = 13
IL_LAYER_GROUP_NORM = 14
IL_LAYER_TASK_NORM = 15
IL_LAYER_RESIDUAL = 16
IL_LAYER_SHORTCUT = 17
IL_LAYER_ADD = 18
IL_LAYER_ATTENTION = 19
IL_LAYER_AVG_POOL = 20
IL_LAYER_EMBEDDING = 21
IL_LAYER_GRU = 22
IL_LAYER_ACTIVATION = 23
IL_STATISTICS_BATCH = 1
IL_STATISTICS_GIVEN = 2
IL_STATISTICS_EACH = 3
IL_NET_MAX_NORMS = 64
IL_LOSS_CROSS_ENTROPY = 1
IL_LOSS_MEAN_SQUARED_ERROR = 2
IL_LOSS_BINARY_CROSS_ENTROPY = 3
IL_OPTIMIZER_SLOTS = 2
IL_QUERY_STATISTICS_QUERY = 1
IL_QUERY_STATISTICS_SUPPORT = 2
IL_QUERY_STATISTICS_EACH = 3
IL_QUERY_STATISTICS_RUNNING = 4
IL_INNER_UNROLL = 0
IL_INNER_KEEP = 1
IL_INNER_REMAKE = 2
IL_GRADIENT_EXACT = 1
IL_GRADIENT_PSEUDO = 2
IL_DISTANCE_EUCLIDEAN = 1
IL_DISTANCE_COSINE = 2
IL_IMAML_CG = 1
IL_IMAML_NEUMANN = 2
IL_IMAML_PULL_EACH = 1
IL_IMAML_PULL_END = 2
IL_HYPER_RATES_NONE = 0
IL_HYPER_RATES_ONE = 1
IL_HYPER_RATES_TENSOR = 2
IL_HYPER_RATES_STEP = 3
IL_HYPER_LOSS_STEPS = 0
IL_HYPER_LOSS_QUERY = 1
IL_HYPER_START_SAME = 0
IL_HYPER_START_FRESH = 1
IL_FILE_TORCH = 1
IL_FILE_NPZ = 2
IL_FILE_NPY = 3
IL_FILE_SAFETENSORS = 4
IL_TRAIN = 0
IL_VALIDATION = 1
IL_TEST = 2
IL_ROTATIONS_NONE = 0
IL_ROTATIONS_RANDOM = 1
IL_ROTATIONS_CLASSES = 2
IL_WITHIN_ANY = 0
IL_WITHIN_ALPHABET = 1
IL_WITHIN_ORIGIN = 2
IL_TASK_VARIANTS = 64
IL_EPISODES_BY_CLASS = 1
IL_EPISODES_ALL_CLASSES = 2
IL_LAYOUT_BY_SHAPE = 0
IL_LAYOUT_IMAGES = 1
IL_LAYOUT_SIGNALS = 2
IL_CHANNELS_BY_FORMAT = 0
IL_CHANNELS_FIRST = 1
IL_CHANNELS_LAST = 2
IL_HEADER_DETECT = 0
IL_HEADER_YES = 1
IL_HEADER_NO = 2
IL_PROGRESS_START = 1
IL_PROGRESS_STEP = 2
IL_PROGRESS_VALIDATION = 3
IL_PROGRESS_CHECKPOINT = 4
IL_PROGRESS_CHECK = 5
IL_PROGRESS_PROFILE = 6
IL_PROGRESS_ENDED = 7
IL_EVALUATION_ROWS = 64
IL_TESTED_SIZE = 512
IL_SWEEP_NEW = 1
IL_SWEEP_BEGUN = 2
IL_SWEEP_TRAINED = 3
IL_SWEEP_DONE = 4
IL_SWEEP_FAILED = 5
IL_MODEL_INPUTS_UNKNOWN = 0
IL_MODEL_INPUTS_PIXELS = 1
IL_MODEL_INPUTS_UNIT = 2
IL_MODEL_INPUTS_REALS = 3
IL_MODEL_LAYERS = 64
IL_GREEDY_SCALAR = 1
IL_GREEDY_CHANNEL = 2
IL_GREEDY_TENSOR = 3
IL_GREEDY_LAYER = 4
IL_GREEDY_GRADIENT = 1
IL_GREEDY_FISHER = 2
IL_GREEDY_NEWTON = 3
IL_GREEDY_RANDOM = 4
IL_GREEDY_TEXT = 320
IL_GREEDY_FREE = 0
IL_GREEDY_PER_BYTE = 1
IL_GREEDY_PER_OPERATION = 2
IL_GREEDY_PARAMETERS = 256
IL_CANDIDATES_LAPLACE = 1
IL_CANDIDATES_SWAG = 2
IL_CANDIDATES_SGLD = 3
IL_CANDIDATES_ENSEMBLE = 4
IL_GREEDY_FRACTIONS = 16
IL_GREEDY_STEPS = 8
IL_COMPARE_SEEDS = 100
IL_COMPARE_ROWS = 6
IL_MEASURED_ROWS = 32
IL_REPORT_RUNS = 32
IL_REPORT_PATH = 4096


class il_ranks(Structure):
    pass


class il_field(Structure):
    pass


class il_shape(Structure):
    pass


class il_window(Structure):
    pass


class il_value(Structure):
    pass


class il_bindings(Structure):
    pass


class il_entry(Structure):
    pass


class il_values(Structure):
    pass


class il_entries(Structure):
    pass


class il_plan_options(Structure):
    pass


class il_plan_checked(Structure):
    pass


class il_plan_summary(Structure):
    pass


class il_function_options(Structure):
    pass


class il_buffers(Structure):
    pass


class il_layer(Structure):
    pass


class il_moments(Structure):
    pass


class il_rate(Structure):
    pass


class il_update(Structure):
    pass


class il_optimizer(Structure):
    pass


class il_momentum_settings(Structure):
    pass


class il_adam_settings(Structure):
    pass


class il_adamw_settings(Structure):
    pass


class il_rmsprop_settings(Structure):
    pass


class il_adagrad_settings(Structure):
    pass


class il_task_shape(Structure):
    pass


class il_task(Structure):
    pass


class il_task_needs(Structure):
    pass


class il_inner(Structure):
    pass


class il_build(Structure):
    pass


class il_outcome(Structure):
    pass


class il_algorithm(Structure):
    pass


class il_meta_sgd_settings(Structure):
    pass


class il_distance_settings(Structure):
    pass


class il_reptile_settings(Structure):
    pass


class il_cavia_settings(Structure):
    pass


class il_mamlpp_settings(Structure):
    pass


class il_imaml_settings(Structure):
    pass


class il_ridge_settings(Structure):
    pass


class il_relation_settings(Structure):
    pass


class il_pretrain_settings(Structure):
    pass


class il_hyper_settings(Structure):
    pass


class il_learner_options(Structure):
    pass


class il_learner_info(Structure):
    pass


class il_tensor(Structure):
    pass


class il_texts(Structure):
    pass


class il_labelled(Structure):
    pass


class il_glyphs(Structure):
    pass


class il_dataset_arrays(Structure):
    pass


class il_split_options(Structure):
    pass


class il_episode_options(Structure):
    pass


class il_episode(Structure):
    pass


class il_augment(Structure):
    pass


class il_source_options(Structure):
    pass


class il_task_id(Structure):
    pass


class il_task_memory(Structure):
    pass


class il_source(Structure):
    pass


class il_results(Structure):
    pass


class il_tasks_call(Structure):
    pass


class il_samples(Structure):
    pass


class il_episodes(Structure):
    pass


class il_import_options(Structure):
    pass


class il_import_report(Structure):
    pass


class il_export_options(Structure):
    pass


class il_config_key(Structure):
    pass


class il_preset(Structure):
    pass


class il_progress(Structure):
    pass


class il_train_options(Structure):
    pass


class il_evaluation_row(Structure):
    pass


class il_evaluation(Structure):
    pass


class il_evaluate_options(Structure):
    pass


class il_meta_check(Structure):
    pass


class il_learner_input(Structure):
    pass


class il_adapt_options(Structure):
    pass


class il_adapt_targets(Structure):
    pass


class il_adapted_report(Structure):
    pass


class il_sweep_axis(Structure):
    pass


class il_sweep_options(Structure):
    pass


class il_sweep_run(Structure):
    pass


class il_sweep_point(Structure):
    pass


class il_sweep_progress(Structure):
    pass


class il_sweep_go_options(Structure):
    pass


class il_model_options(Structure):
    pass


class il_fit_progress(Structure):
    pass


class il_fit_options(Structure):
    pass


class il_test_result(Structure):
    pass


class il_meta_progress(Structure):
    pass


class il_meta_options(Structure):
    pass


class il_greedy_rule(Structure):
    pass


class il_greedy_choice(Structure):
    pass


class il_candidates_options(Structure):
    pass


class il_greedy_part(Structure):
    pass


class il_greedy_report(Structure):
    pass


class il_greedy_options(Structure):
    pass


class il_greedy_result(Structure):
    pass


class il_fit_greedy_options(Structure):
    pass


class il_greedy_evaluate_options(Structure):
    pass


class il_greedy_figure(Structure):
    pass


class il_greedy_row(Structure):
    pass


class il_greedy_evaluation(Structure):
    pass


class il_compare_row(Structure):
    pass


class il_compare_result(Structure):
    pass


class il_compare_options(Structure):
    pass


class il_improve_adapted(Structure):
    pass


class il_improve_result(Structure):
    pass


class il_improve_progress(Structure):
    pass


class il_improve_options(Structure):
    pass


class il_measured_row(Structure):
    pass


class il_measured_problem(Structure):
    pass


class il_measured_step(Structure):
    pass


class il_report_options(Structure):
    pass


class il_report(Structure):
    pass


il_ranks._fields_ = [
    ("rank", c_int),
    ("size", c_int),
    ("gather", CFUNCTYPE(c_bool, c_void_p, c_void_p, POINTER(c_size_t))),
    ("exchange", CFUNCTYPE(c_bool, c_void_p, c_void_p, POINTER(c_size_t), c_void_p, POINTER(c_size_t))),
    ("user", c_void_p),
]

il_field._fields_ = [
    ("name", c_char_p),
    ("kind", c_int),
    ("offset", c_size_t),
    ("count", c_int),
    ("fallback", c_char_p),
    ("low", c_double),
    ("high", c_double),
    ("choices", c_char_p),
    ("doc", c_char_p),
]

il_shape._fields_ = [
    ("rank", c_int),
    ("dim", c_int64 * 8),
]

il_window._fields_ = [
    ("kernel", c_int32 * 2),
    ("stride", c_int32 * 2),
    ("pad_low", c_int32 * 2),
    ("pad_high", c_int32 * 2),
    ("dilation", c_int32 * 2),
    ("groups", c_int32),
]

il_value._fields_ = [
    ("id", c_uint32),
]

il_bindings._fields_ = [
    ("tasks", c_int),
    ("inputs", POINTER(c_void_p)),
    ("outputs", POINTER(c_void_p)),
]

il_entry._fields_ = [
    ("name", c_char * 64),
    ("shape", il_shape),
    ("flags", c_uint),
    ("net", c_void_p),
    ("parameter", c_int),
    ("drawn", c_bool),
    ("low", c_double),
    ("high", c_double),
]

il_values._fields_ = [
    ("count", c_int),
    ("room", c_int),
    ("entry", POINTER(il_entry)),
    ("at", POINTER(il_value)),
]

il_entries._fields_ = [
    ("count", c_int),
    ("room", c_int),
    ("entry", POINTER(il_entry)),
]

il_plan_options._fields_ = [
    ("no_fusion", c_bool),
    ("reference", c_bool),
    ("direct", c_bool),
    ("lanes", c_int),
    ("tasks", c_int),
    ("isa", c_char_p),
]

il_plan_checked._fields_ = [
    ("equal", c_int64),
    ("close", c_int64),
]

il_plan_summary._fields_ = [
    ("steps_shared", c_int64),
    ("steps_task", c_int64),
    ("steps_after", c_int64),
    ("nodes", c_int64),
    ("flops_shared", c_double),
    ("flops_task", c_double),
    ("flops_after", c_double),
    ("bytes_shared", c_size_t),
    ("bytes_task", c_size_t),
    ("lanes", c_int),
]

il_function_options._fields_ = [
    ("plan", il_plan_options),
    ("factored", c_bool),
]

il_buffers._fields_ = [
    ("count", c_int),
    ("now", c_int),
    ("type", c_int),
    ("entry", POINTER(il_entry)),
    ("side", POINTER(c_void_p) * 2),
]

il_layer._fields_ = [
    ("kind", c_int),
    ("units", c_int),
    ("kernel", c_int),
    ("stride", c_int),
    ("pad", c_int),
    ("bias", c_bool),
    ("eps", c_double),
    ("rate", c_double),
    ("init", c_int),
    ("init_scale", c_double),
    ("groups", c_int),
    ("dilation", c_int),
    ("heads", c_int),
    ("affine", c_bool),
    ("vocabulary", c_int),
    ("sequence", c_bool),
]

il_moments._fields_ = [
    ("mean", il_value * 64),
    ("variance", il_value * 64),
    ("examples", c_int64),
]

il_rate._fields_ = [
    ("constant", c_double),
    ("value", il_value),
    ("rest", il_value),
]

il_update._fields_ = [
    ("weight", il_value),
    ("gradient", il_value),
    ("slot", il_value * 2),
    ("made", il_value),
    ("lr", il_rate),
    ("numbers", POINTER(il_values)),
    ("differentiable", c_bool),
    ("no_decay", c_bool),
]

il_optimizer._fields_ = [
    ("name", c_char_p),
    ("paper", c_char_p),
    ("size", c_size_t),
    ("fields", POINTER(il_field)),
    ("slots", c_int),
    ("slot", c_char_p * 2),
    ("update", CFUNCTYPE(None, c_void_p, c_void_p, POINTER(il_update))),
]

il_momentum_settings._fields_ = [
    ("momentum", c_double),
    ("nesterov", c_bool),
]

il_adam_settings._fields_ = [
    ("beta1", c_double),
    ("beta2", c_double),
    ("eps", c_double),
]

il_adamw_settings._fields_ = [
    ("beta1", c_double),
    ("beta2", c_double),
    ("eps", c_double),
    ("weight_decay", c_double),
]

il_rmsprop_settings._fields_ = [
    ("alpha", c_double),
    ("eps", c_double),
    ("initial", c_double),
]

il_adagrad_settings._fields_ = [
    ("eps", c_double),
]

il_task_shape._fields_ = [
    ("ways", c_int),
    ("shots", c_int),
    ("queries", c_int),
    ("support", c_int),
    ("query", c_int),
    ("outputs", c_int),
    ("example", il_shape),
    ("x", c_int),
    ("targets", c_bool),
    ("loss", c_int),
    ("scale", c_double),
]

il_task._fields_ = [
    ("support_x", il_value),
    ("support_y", il_value),
    ("query_x", il_value),
    ("query_y", il_value),
    ("dropout_key", il_value),
    ("order", il_value),
]

il_task_needs._fields_ = [
    ("key", c_bool),
    ("steps", c_int),
    ("batch", c_int),
    ("in_turn", c_bool),
    ("shared", c_bool),
    ("unlabelled", c_bool),
    ("no_support", c_bool),
    ("no_query", c_bool),
    ("vocabulary", c_int),
]

il_inner._fields_ = [
    ("steps", c_int),
    ("batch", c_int),
    ("in_turn", c_bool),
    ("lr", c_double),
    ("l2", c_double),
    ("clip", c_double),
    ("first_order", c_bool),
    ("loop", c_int),
    ("optimizer", POINTER(il_optimizer)),
    ("settings", c_void_p),
    ("adapts", c_char_p),
    ("learned", c_char_p),
]

il_build._fields_ = [
    ("g", c_void_p),
    ("net", c_void_p),
    ("algorithm", POINTER(il_algorithm)),
    ("settings", c_void_p),
    ("inner", il_inner),
    ("loss", c_int),
    ("statistics", c_int),
    ("training", c_bool),
    ("ways", c_int),
    ("task", il_task),
    ("meta", il_values),
    ("carry", il_values),
    ("mask", il_values),
    ("made", c_int64),
    ("whole", c_bool),
    ("step_weights", il_value),
    ("pass", c_int),
    ("moments", il_moments),
    ("support_loss", il_value),
    ("loop", c_void_p),
]

il_outcome._fields_ = [
    ("loss", il_value),
    ("accuracy", il_value),
    ("support_loss", il_value),
    ("gradient", il_values),
    ("carry", il_values),
    ("scores", il_value),
]

il_algorithm._fields_ = [
    ("name", c_char_p),
    ("paper", c_char_p),
    ("revision", c_int),
    ("gradient", c_int),
    ("own_head", c_bool),
    ("all_classes", c_bool),
    ("adapts", c_char_p),
    ("size", c_size_t),
    ("fields", POINTER(il_field)),
    ("declare", CFUNCTYPE(None, c_void_p, c_void_p, POINTER(il_entries))),
    ("carry", CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, POINTER(il_entries))),
    ("begin", CFUNCTYPE(None, POINTER(il_build), POINTER(il_values))),
    ("step", CFUNCTYPE(None, POINTER(il_build), POINTER(il_values), c_int)),
    ("end", CFUNCTYPE(None, POINTER(il_build), POINTER(il_values))),
    ("score", CFUNCTYPE(il_value, POINTER(il_build), POINTER(il_values), il_value, c_int)),
    ("objective", CFUNCTYPE(None, POINTER(il_build), POINTER(il_outcome))),
    ("until", CFUNCTYPE(c_int64, c_void_p, c_int64)),
    ("weigh", CFUNCTYPE(None, c_void_p, c_int, c_int64, POINTER(c_double))),
    ("draws", CFUNCTYPE(c_bool, c_void_p)),
]

il_meta_sgd_settings._fields_ = [
    ("low", c_double),
    ("high", c_double),
]

il_distance_settings._fields_ = [
    ("distance", c_int),
    ("scale", c_double),
    ("learned", c_bool),
]

il_reptile_settings._fields_ = [
    ("carried", c_bool),
    ("square", c_double),
]

il_cavia_settings._fields_ = [
    ("contexts", c_int),
    ("layer", c_char_p),
]

il_mamlpp_settings._fields_ = [
    ("steps", c_int),
    ("lr", c_double),
    ("step_norm", c_bool),
    ("multi_step", c_int64),
    ("first_order", c_int64),
    ("epoch", c_int64),
]

il_imaml_settings._fields_ = [
    ("proximal", c_double),
    ("pull", c_int),
    ("damping", c_double),
    ("solver", c_int),
    ("solver_steps", c_int),
]

il_ridge_settings._fields_ = [
    ("l2", c_double),
    ("scale", c_double),
]

il_relation_settings._fields_ = [
    ("filters", c_int),
    ("units", c_int),
]

il_pretrain_settings._fields_ = [
    ("classes", c_int),
    ("scale", c_double),
    ("learned", c_bool),
    ("centre", c_bool),
]

il_hyper_settings._fields_ = [
    ("rates", c_int),
    ("lr", c_double),
    ("steps", c_int),
    ("loss", c_int),
    ("last", c_int),
    ("start", c_int),
]

il_learner_options._fields_ = [
    ("ways", c_int),
    ("examples", c_int),
    ("answers_only", c_bool),
]

il_learner_info._fields_ = [
    ("algorithm", c_char_p),
    ("example", il_shape),
    ("type", c_int),
    ("ways", c_int),
    ("examples", c_int),
    ("outputs", c_int),
    ("numbers", c_bool),
    ("adapted", c_bool),
]

il_tensor._fields_ = [
    ("name", c_char_p),
    ("type", c_int),
    ("shape", il_shape),
    ("data", c_void_p),
]

il_texts._fields_ = [
    ("name", c_char_p),
    ("count", c_int64),
    ("text", POINTER(c_char_p)),
]

il_labelled._fields_ = [
    ("count", c_int64),
    ("example", il_shape),
    ("inputs", c_void_p),
    ("stored", c_int),
    ("target", il_shape),
    ("targets", c_void_p),
    ("labels", POINTER(c_int32)),
    ("largest", c_int32),
    ("real", c_int),
    ("channels_first", c_bool),
]

il_glyphs._fields_ = [
    ("alphabets", c_int),
    ("classes", c_int),
    ("writers", c_int),
    ("side", c_int),
    ("channels", c_int),
    ("seed", c_uint64),
]

il_dataset_arrays._fields_ = [
    ("classes", c_int),
    ("start", POINTER(c_int32)),
    ("type", c_int),
    ("example", il_shape),
    ("examples", c_void_p),
    ("scale", c_double),
    ("name", POINTER(c_char_p)),
    ("origin", POINTER(c_char_p)),
]

il_split_options._fields_ = [
    ("kind", c_char_p),
    ("path", c_char_p),
    ("train", c_double),
    ("validation", c_double),
    ("test", c_double),
    ("least_train", c_int),
    ("least_test", c_int),
    ("tests_only", c_bool),
    ("seed", c_uint64),
    ("only", c_char_p),
    ("weights", c_char_p),
]

il_episode_options._fields_ = [
    ("ways", c_int),
    ("shots", c_int),
    ("queries", c_int),
    ("rotations", c_int),
    ("rotate_test", c_bool),
    ("seed", c_uint64),
    ("within", c_int),
    ("fused", c_int),
]

il_episode._fields_ = [
    ("ways", c_int),
    ("shots", c_int),
    ("queries", c_int),
    ("fused", c_int),
    ("cls", POINTER(c_int)),
    ("rotation", POINTER(c_int)),
    ("example", POINTER(c_int)),
]

il_augment._fields_ = [
    ("rotate", c_bool),
    ("flip_horizontal", c_bool),
    ("flip_vertical", c_bool),
    ("crop", c_int),
    ("degrees", c_double),
    ("shift", c_double),
    ("scale", c_double),
    ("shear", c_double),
    ("stretch", c_double),
    ("elastic", c_double),
    ("erase", c_double),
    ("jitter", c_double),
    ("gain", c_double),
]

il_source_options._fields_ = [
    ("ways", c_int),
    ("shots", c_int),
    ("queries", c_int),
    ("train_ways", c_int),
    ("train_shots", c_int),
    ("train_queries", c_int),
    ("class_labels", c_bool),
    ("train_ways_most", c_int),
    ("pool", c_int64),
    ("train_shots_most", c_int),
    ("rotations", c_int),
    ("rotate_test", c_bool),
    ("within", c_int),
    ("train_within", c_int),
    ("fused", c_int),
    ("augment", il_augment),
    ("augment_set", c_bool * 2),
    ("split", il_split_options),
    ("replayed", c_bool),
    ("data", c_char_p),
    ("seed", c_uint64),
    ("shapes_only", c_bool),
]

il_task_id._fields_ = [
    ("split", c_int),
    ("variant", c_int),
    ("index", c_uint64),
]

il_task_memory._fields_ = [
    ("x", c_void_p * 2),
    ("y", c_void_p * 2),
]

il_source._fields_ = [
    ("name", c_char_p),
    ("doc", c_char_p),
    ("size", c_size_t),
    ("fields", POINTER(il_field)),
    ("needs_data", c_bool),
    ("shape_of_data", c_bool),
    ("one_task", c_bool),
    ("open", CFUNCTYPE(c_void_p, c_void_p, c_void_p, POINTER(il_source_options))),
    ("describe", CFUNCTYPE(None, c_void_p, c_int, c_int, POINTER(il_task_shape))),
    ("scratch", CFUNCTYPE(c_size_t, c_void_p)),
    ("draw", CFUNCTYPE(c_int, c_void_p, il_task_id, c_void_p, POINTER(il_task_memory))),
    ("close", CFUNCTYPE(None, c_void_p)),
    ("variants", CFUNCTYPE(c_int, c_void_p, c_int)),
    ("share", CFUNCTYPE(c_double, c_void_p, c_int, c_int)),
    ("classes", CFUNCTYPE(c_int, c_void_p, c_int)),
    ("count", CFUNCTYPE(c_int64, c_void_p, c_int)),
    ("content", CFUNCTYPE(c_uint64, c_void_p)),
    ("division", CFUNCTYPE(c_uint64, c_void_p)),
    ("bytes", CFUNCTYPE(c_size_t, c_void_p)),
    ("sampler", CFUNCTYPE(c_void_p, c_void_p, c_int)),
    ("dataset", CFUNCTYPE(c_void_p, c_void_p, c_void_p, c_char_p)),
]

il_results._fields_ = [
    ("count", c_int),
    ("place", POINTER(c_int)),
    ("memory", POINTER(c_void_p)),
    ("bytes", POINTER(c_size_t)),
]

il_tasks_call._fields_ = [
    ("tasks", c_void_p),
    ("first", POINTER(il_task_id)),
    ("memory", POINTER(il_task_memory)),
    ("run", c_void_p),
    ("count", c_int),
]

il_samples._fields_ = [
    ("count", c_int64),
    ("example", il_shape),
    ("type", c_int),
    ("inputs", c_void_p),
    ("label", POINTER(c_int32)),
    ("target", POINTER(c_float)),
    ("outputs", c_int),
]

il_episodes._fields_ = [
    ("kind", c_int),
    ("ways", c_int),
    ("shots", c_int),
    ("queries", c_int),
    ("rotate", c_bool),
]

il_import_options._fields_ = [
    ("kind", c_char_p),
    ("height", c_int),
    ("width", c_int),
    ("grey", c_bool),
    ("invert", c_bool),
    ("few", c_bool),
    ("strict", c_bool),
    ("scale", c_double),
    ("scale_auto", c_bool),
    ("layout", c_int),
    ("channels", c_int),
    ("x", c_char_p),
    ("y", c_char_p),
    ("task", c_char_p),
    ("standardize", c_bool),
    ("header", c_int),
    ("progress", CFUNCTYPE(None, c_void_p, c_int64, c_int64)),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
]

il_import_report._fields_ = [
    ("kind", c_char_p),
    ("classes", c_int),
    ("examples", c_int64),
    ("example", il_shape),
    ("skipped", c_int64),
    ("skips", c_char_p),
    ("notes", c_char_p),
    ("skips_length", c_size_t),
    ("notes_length", c_size_t),
]

il_export_options._fields_ = [
    ("to", c_char_p),
    ("progress", CFUNCTYPE(None, c_void_p, c_int64, c_int64)),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
]

il_config_key._fields_ = [
    ("key", c_char_p),
    ("fallback", c_char_p),
    ("accepts", c_char_p),
    ("doc", c_char_p),
]

il_preset._fields_ = [
    ("name", c_char_p),
    ("note", c_char_p),
    ("source", c_char_p),
    ("settings", POINTER(c_char_p)),
]

il_progress._fields_ = [
    ("kind", c_int),
    ("step", c_int64),
    ("steps", c_int64),
    ("loss", c_double),
    ("accuracy", c_double),
    ("value", c_double),
    ("interval", c_double),
    ("tasks", c_int),
    ("averaged", c_bool),
    ("squared_error", c_bool),
    ("message", c_char_p),
    ("skipped", c_int64),
]

il_train_options._fields_ = [
    ("out", c_char_p),
    ("team", c_void_p),
    ("source", POINTER(il_source)),
    ("settings", c_void_p),
    ("resume", c_bool),
    ("check", c_bool),
    ("plot", c_bool),
    ("tensorboard", c_bool),
    ("detect_anomaly", c_bool),
    ("profile", c_bool),
    ("progress", CFUNCTYPE(None, c_void_p, POINTER(il_progress))),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
    ("ranks", POINTER(il_ranks)),
]

il_evaluation_row._fields_ = [
    ("protocol", c_char_p),
    ("steps", c_int),
    ("mean", c_double),
    ("interval", c_double),
]

il_evaluation._fields_ = [
    ("tasks", c_int),
    ("count", c_int),
    ("squared_error", c_bool),
    ("trained", c_int64),
    ("tested", c_char * 512),
    ("row", il_evaluation_row * 64),
]

il_evaluate_options._fields_ = [
    ("data", c_char_p),
    ("settings", POINTER(c_char_p)),
    ("tasks", c_int),
    ("ensemble", c_int),
    ("episodes", c_char_p),
    ("team", c_void_p),
    ("ranks", POINTER(il_ranks)),
]

il_meta_check._fields_ = [
    ("directions", c_int),
    ("step", c_double),
    ("worst", c_double),
    ("units", c_double),
    ("second_share", c_double),
    ("norm", c_double),
    ("first_order", c_bool),
    ("pseudo", c_bool),
    ("agrees", c_bool),
]

il_learner_input._fields_ = [
    ("example", il_shape),
    ("type", c_int),
    ("scale", c_double),
    ("outputs", c_int),
    ("targets", c_bool),
    ("mean", c_double),
    ("deviation", c_double),
    ("ways", c_int),
    ("shots", c_int * 2),
]

il_adapt_options._fields_ = [
    ("settings", POINTER(c_char_p)),
    ("class_means", c_bool),
    ("inverted", c_bool),
    ("team", c_void_p),
]

il_adapt_targets._fields_ = [
    ("count", c_int64),
    ("x", c_void_p),
    ("target", POINTER(c_float)),
    ("outputs", c_int),
]

il_adapted_report._fields_ = [
    ("algorithm", c_char_p),
    ("statistics", c_char_p),
    ("steps", c_int),
    ("examples", c_int),
    ("left_out", c_int),
    ("right", c_int),
    ("temperature", c_double),
    ("reject", c_double),
]

il_sweep_axis._fields_ = [
    ("key", c_char_p),
    ("values", c_int),
    ("value", POINTER(c_char_p)),
]

il_sweep_options._fields_ = [
    ("out", c_char_p),
    ("seeds", c_int),
    ("seed", POINTER(c_int64)),
    ("axes", c_int),
    ("axis", POINTER(il_sweep_axis)),
]

il_sweep_run._fields_ = [
    ("name", c_char_p),
    ("folder", c_char_p),
    ("point", c_int),
    ("seed", c_int64),
    ("made", c_int64),
    ("steps", c_int64),
    ("state", c_int),
    ("mean", c_double),
    ("interval", c_double),
    ("failure", c_char_p),
]

il_sweep_point._fields_ = [
    ("value", POINTER(c_char_p)),
    ("done", c_int),
    ("failed", c_int),
    ("mean", c_double),
    ("spread", c_double),
    ("interval", c_double),
    ("protocol", c_char * 16),
    ("inner_steps", c_int),
    ("tasks", c_int),
    ("squared_error", c_bool),
]

il_sweep_progress._fields_ = [
    ("run", c_int),
    ("training", POINTER(il_progress)),
]

il_sweep_go_options._fields_ = [
    ("team", c_void_p),
    ("tensorboard", c_bool),
    ("progress", CFUNCTYPE(None, c_void_p, c_void_p, POINTER(il_sweep_progress))),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
    ("ranks", POINTER(il_ranks)),
]

il_model_options._fields_ = [
    ("kind", c_char_p),
    ("hidden", c_int),
    ("dropout", c_double),
    ("seed", c_uint64),
    ("layers", c_int),
    ("layer", POINTER(il_layer)),
]

il_fit_progress._fields_ = [
    ("epoch", c_int),
    ("epochs", c_int),
    ("steps", c_int64),
    ("loss", c_double),
]

il_fit_options._fields_ = [
    ("epochs", c_int),
    ("batch", c_int),
    ("lr", c_double),
    ("optimizer", POINTER(il_optimizer)),
    ("loss", c_int),
    ("parts", c_int),
    ("steps", c_int64),
    ("seed", c_uint64),
    ("augment", POINTER(il_augment)),
    ("team", c_void_p),
    ("progress", CFUNCTYPE(None, c_void_p, POINTER(il_fit_progress))),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
]

il_test_result._fields_ = [
    ("correct", c_int64),
    ("total", c_int64),
    ("accuracy", c_double),
    ("loss", c_double),
]

il_meta_progress._fields_ = [
    ("step", c_int64),
    ("steps", c_int64),
    ("loss", c_double),
    ("accuracy", c_double),
]

il_meta_options._fields_ = [
    ("episodes", il_episodes),
    ("inner_steps", c_int),
    ("inner_lr", c_double),
    ("first_order", c_bool),
    ("query_statistics", c_int),
    ("loss", c_int),
    ("optimizer", POINTER(il_optimizer)),
    ("lr", c_double),
    ("meta_batch", c_int),
    ("steps", c_int64),
    ("seed", c_uint64),
    ("team", c_void_p),
    ("progress", CFUNCTYPE(None, c_void_p, POINTER(il_meta_progress))),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
]

il_greedy_rule._fields_ = [
    ("granularity", c_int),
    ("score", c_int),
    ("price", c_int),
    ("damping", c_double),
    ("count", c_int64),
    ("fraction", c_double),
    ("budget_bytes", c_uint64),
    ("budget_operations", c_uint64),
]

il_greedy_choice._fields_ = [
    ("units", c_int64),
    ("scalars", c_int64),
    ("bytes", c_uint64),
    ("operations", c_uint64),
]

il_candidates_options._fields_ = [
    ("kind", c_int),
    ("count", c_int),
    ("prior", c_double),
    ("noise", c_double),
    ("steps", c_int),
    ("burn_in", c_int),
    ("lr", c_double),
    ("batch", c_int),
    ("rank", c_int),
    ("spread", c_double),
]

il_greedy_part._fields_ = [
    ("count", c_int),
    ("type", c_int),
    ("x", c_void_p),
    ("label", POINTER(c_int32)),
    ("target", c_void_p),
]

il_greedy_report._fields_ = [
    ("step", c_int),
    ("candidates", c_int),
    ("parameters", c_int),
    ("log_p", POINTER(c_double)),
    ("log_q", POINTER(c_double)),
    ("held_loss", POINTER(c_double)),
    ("variance", POINTER(c_double)),
    ("gradient_norm", POINTER(c_double)),
    ("mean_log_p", c_double),
    ("mean_log_q", c_double),
    ("loss", c_double),
    ("variance_mean", c_double),
    ("gradient_length", c_double),
    ("gradient_max", c_double),
    ("choice", il_greedy_choice),
    ("touched", c_int64),
    ("change", c_double),
]

il_greedy_options._fields_ = [
    ("rule", il_greedy_rule),
    ("candidates", il_candidates_options),
    ("loss", c_int),
    ("lr", c_double),
    ("tolerance", c_double),
    ("steps", c_int),
    ("keep_choice", c_bool),
    ("moments", POINTER(c_void_p)),
    ("seed", c_uint64),
    ("team", c_void_p),
    ("progress", CFUNCTYPE(None, c_void_p, POINTER(il_greedy_report))),
    ("walking", CFUNCTYPE(None, c_void_p, c_int64, c_int64)),
    ("user", c_void_p),
    ("stop", POINTER(c_int)),
]

il_greedy_result._fields_ = [
    ("steps", c_int),
    ("settled", c_bool),
    ("first_loss", c_double),
    ("last_loss", c_double),
    ("scalars", c_int64),
    ("touched", c_int64),
    ("most_bytes", c_uint64),
    ("most_operations", c_uint64),
    ("left_out", c_char * 320),
]

il_fit_greedy_options._fields_ = [
    ("greedy", il_greedy_options),
    ("held_out", c_double),
    ("metrics", c_char_p),
    ("append", c_bool),
]

il_greedy_evaluate_options._fields_ = [
    ("data", c_char_p),
    ("settings", POINTER(c_char_p)),
    ("tasks", c_int),
    ("episodes", c_char_p),
    ("team", c_void_p),
    ("rule", il_greedy_rule),
    ("fractions", c_int),
    ("fraction", c_double * 16),
    ("steps", c_int),
    ("step", c_int * 8),
]

il_greedy_figure._fields_ = [
    ("steps", c_int),
    ("mean", c_double),
    ("interval", c_double),
    ("difference", c_double),
    ("difference_interval", c_double),
]

il_greedy_row._fields_ = [
    ("fraction", c_double),
    ("share", c_double),
    ("bytes", c_double),
    ("operations", c_double),
    ("most_bytes", c_uint64),
    ("figure", il_greedy_figure * 8),
    ("left_out", c_char * 320),
]

il_greedy_evaluation._fields_ = [
    ("tasks", c_int),
    ("rows", c_int),
    ("steps", c_int),
    ("squared_error", c_bool),
    ("trained", c_int64),
    ("scalars", c_int64),
    ("tested", c_char * 512),
    ("row", il_greedy_row * 17),
]

il_compare_row._fields_ = [
    ("name", c_char_p),
    ("left_out", c_char_p),
    ("accuracy", c_double * 100),
    ("mean", c_double),
    ("interval", c_double),
    ("steps", c_int64),
    ("examples", c_int64),
    ("seconds", c_double),
]

il_compare_result._fields_ = [
    ("seeds", c_int),
    ("row", il_compare_row * 6),
]

il_compare_options._fields_ = [
    ("model", il_model_options),
    ("fit", il_fit_options),
    ("meta", il_meta_options),
    ("seeds", c_int),
    ("progress", CFUNCTYPE(None, c_void_p, c_char_p, c_int, c_double)),
    ("user", c_void_p),
]

il_improve_adapted._fields_ = [
    ("shots", c_int),
    ("steps", c_int),
    ("lr", c_double),
    ("mean", c_double),
    ("interval", c_double),
]

il_improve_result._fields_ = [
    ("classes", c_int),
    ("unseen_validation", c_int),
    ("unseen_test", c_int),
    ("train", c_int64),
    ("test", c_int64),
    ("original", c_double),
    ("plain", il_improve_adapted * 2),
    ("meta", il_improve_adapted * 2),
    ("meta_steps", c_int64),
    ("original_old_head", c_double),
    ("original_new_head_plain", c_double),
    ("original_new_head", c_double),
    ("seconds_plain", c_double),
    ("seconds_meta", c_double),
    ("seconds", c_double),
]

il_improve_progress._fields_ = [
    ("stage", c_char_p),
    ("piece", c_char_p),
    ("done", c_int64),
    ("of", c_int64),
]

il_improve_options._fields_ = [
    ("model", il_model_options),
    ("init", c_char_p),
    ("classes", c_int),
    ("hold_out", c_double),
    ("fit", il_fit_options),
    ("meta", il_meta_options),
    ("tasks", c_int),
    ("progress", CFUNCTYPE(None, c_void_p, POINTER(il_improve_progress))),
    ("user", c_void_p),
]

il_measured_row._fields_ = [
    ("kernel", c_char_p),
    ("isa", c_char_p),
    ("refusal", c_char_p),
    ("seconds", c_double),
    ("lowest", c_double),
    ("prepare", c_double),
    ("chosen", c_bool),
    ("equal", c_bool),
    ("difference", c_double),
    ("right", c_bool),
]

il_measured_problem._fields_ = [
    ("text", c_char * 8192),
    ("flops", c_double),
    ("bytes", c_size_t),
    ("rows", c_int),
    ("row", il_measured_row * 32),
]

il_measured_step._fields_ = [
    ("plan_seconds", c_double),
    ("seconds", c_double),
    ("lowest", c_double),
    ("episodes", c_double),
    ("flops", c_double),
    ("bytes", c_size_t),
    ("steps", c_int64),
    ("drawn", c_bool),
]

il_report_options._fields_ = [
    ("out", c_char_p),
    ("evaluate", il_evaluate_options),
    ("progress", CFUNCTYPE(None, c_void_p, c_int, c_char_p)),
    ("user", c_void_p),
]

il_report._fields_ = [
    ("page", c_char * 4096),
    ("pictures", c_int),
    ("evaluation", il_evaluation),
    ("row", c_int),
]

#: name: (result, (arguments))
FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "il_status_name": (c_char_p, (c_int,)),
    "il_status_exit_code": (c_int, (c_int,)),
    "il_context_new": (c_void_p, ()),
    "il_context_free": (None, (c_void_p,)),
    "il_context_status": (c_int, (c_void_p,)),
    "il_context_message": (c_char_p, (c_void_p,)),
    "il_context_clear": (None, (c_void_p,)),
    "il_context_limit_memory": (c_int, (c_void_p, c_size_t)),
    "il_team_new": (c_void_p, (c_void_p, c_int)),
    "il_team_free": (None, (c_void_p,)),
    "il_team_threads": (c_int, (c_void_p,)),
    "il_isa_set_default": (c_int, (c_void_p, c_char_p)),
    "il_fields_default": (None, (POINTER(il_field), c_void_p)),
    "il_field_find": (POINTER(il_field), (POINTER(il_field), c_char_p)),
    "il_field_read": (c_bool, (POINTER(il_field), c_char_p, c_void_p)),
    "il_field_set": (c_int, (c_void_p, c_char_p, c_char_p, POINTER(il_field), c_char_p, c_void_p)),
    "il_field_print": (c_int, (POINTER(il_field), c_void_p, c_char_p, c_size_t)),
    "il_field_accepts": (None, (POINTER(il_field), c_char_p, c_size_t)),
    "il_shape_of": (il_shape, (c_int, POINTER(c_int64))),
    "il_shape_scalar": (il_shape, ()),
    "il_shape_count": (c_int64, (il_shape,)),
    "il_shape_equal": (c_bool, (il_shape, il_shape)),
    "il_type_size": (c_size_t, (c_int,)),
    "il_type_name": (c_char_p, (c_int,)),
    "il_window_square": (il_window, (c_int, c_int, c_int)),
    "il_graph_new": (c_void_p, (c_void_p, c_int)),
    "il_graph_free": (None, (c_void_p,)),
    "il_graph_context": (c_void_p, (c_void_p,)),
    "il_graph_real": (c_int, (c_void_p,)),
    "il_graph_size": (c_uint32, (c_void_p,)),
    "il_value_type": (c_int, (c_void_p, il_value)),
    "il_value_shape": (il_shape, (c_void_p, il_value)),
    "il_value_stage": (c_int, (c_void_p, il_value)),
    "il_input": (il_value, (c_void_p, c_char_p, c_int, c_int, il_shape)),
    "il_output": (None, (c_void_p, c_char_p, il_value)),
    "il_graph_inputs": (c_int, (c_void_p,)),
    "il_graph_outputs": (c_int, (c_void_p,)),
    "il_graph_input": (il_value, (c_void_p, c_int)),
    "il_graph_output": (il_value, (c_void_p, c_int)),
    "il_graph_input_name": (c_char_p, (c_void_p, c_int)),
    "il_graph_output_name": (c_char_p, (c_void_p, c_int)),
    "il_scope_push": (None, (c_void_p, c_char_p)),
    "il_scope_pop": (None, (c_void_p,)),
    "il_add": (il_value, (c_void_p, il_value, il_value)),
    "il_sub": (il_value, (c_void_p, il_value, il_value)),
    "il_mul": (il_value, (c_void_p, il_value, il_value)),
    "il_div": (il_value, (c_void_p, il_value, il_value)),
    "il_neg": (il_value, (c_void_p, il_value)),
    "il_minimum": (il_value, (c_void_p, il_value, il_value)),
    "il_maximum": (il_value, (c_void_p, il_value, il_value)),
    "il_exp": (il_value, (c_void_p, il_value)),
    "il_log": (il_value, (c_void_p, il_value)),
    "il_sqrt": (il_value, (c_void_p, il_value)),
    "il_tanh": (il_value, (c_void_p, il_value)),
    "il_sin": (il_value, (c_void_p, il_value)),
    "il_cos": (il_value, (c_void_p, il_value)),
    "il_abs": (il_value, (c_void_p, il_value)),
    "il_sigmoid": (il_value, (c_void_p, il_value)),
    "il_relu": (il_value, (c_void_p, il_value)),
    "il_step": (il_value, (c_void_p, il_value)),
    "il_less": (il_value, (c_void_p, il_value, il_value)),
    "il_equal": (il_value, (c_void_p, il_value, il_value)),
    "il_select": (il_value, (c_void_p, il_value, il_value, il_value)),
    "il_pow": (il_value, (c_void_p, il_value, il_value)),
    "il_scale": (il_value, (c_void_p, il_value, c_double)),
    "il_shift": (il_value, (c_void_p, il_value, c_double)),
    "il_constant": (il_value, (c_void_p, c_double, il_shape)),
    "il_scalar": (il_value, (c_void_p, c_double)),
    "il_cast": (il_value, (c_void_p, il_value)),
    "il_index": (il_value, (c_void_p, il_value)),
    "il_broadcast": (il_value, (c_void_p, il_value, il_shape)),
    "il_sum": (il_value, (c_void_p, il_value, c_uint32)),
    "il_mean": (il_value, (c_void_p, il_value, c_uint32)),
    "il_max": (il_value, (c_void_p, il_value, c_uint32)),
    "il_sum_all": (il_value, (c_void_p, il_value)),
    "il_mean_all": (il_value, (c_void_p, il_value)),
    "il_argmax": (il_value, (c_void_p, il_value, c_int)),
    "il_reshape": (il_value, (c_void_p, il_value, il_shape)),
    "il_transpose": (il_value, (c_void_p, il_value, POINTER(c_int))),
    "il_slice": (il_value, (c_void_p, il_value, POINTER(c_int64), il_shape)),
    "il_pad": (il_value, (c_void_p, il_value, POINTER(c_int64), POINTER(c_int64))),
    "il_concat": (il_value, (c_void_p, c_int, POINTER(il_value), c_int)),
    "il_gather": (il_value, (c_void_p, il_value, il_value)),
    "il_scatter_add": (il_value, (c_void_p, il_value, il_value, c_int64)),
    "il_one_hot": (il_value, (c_void_p, il_value, c_int64)),
    "il_matmul": (il_value, (c_void_p, il_value, il_value, c_bool, c_bool)),
    "il_solve": (il_value, (c_void_p, il_value, il_value)),
    "il_conv2d": (il_value, (c_void_p, il_value, il_value, il_window)),
    "il_conv2d_transpose": (il_value, (c_void_p, il_value, il_value, il_window, c_int64, c_int64)),
    "il_conv2d_weight": (il_value, (c_void_p, il_value, il_value, il_window)),
    "il_pool_argmax": (il_value, (c_void_p, il_value, il_window)),
    "il_pool_gather": (il_value, (c_void_p, il_value, il_value, il_window)),
    "il_pool_scatter": (il_value, (c_void_p, il_value, il_value, il_window, c_int64, c_int64)),
    "il_max_pool": (il_value, (c_void_p, il_value, il_window)),
    "il_average_pool": (il_value, (c_void_p, il_value, il_window)),
    "il_average_pool_transpose": (il_value, (c_void_p, il_value, il_window, c_int64, c_int64)),
    "il_random_uniform": (il_value, (c_void_p, il_value, c_int64, il_shape)),
    "il_random_normal": (il_value, (c_void_p, il_value, c_int64, il_shape)),
    "il_stop_gradient": (il_value, (c_void_p, il_value)),
    "il_leaf": (il_value, (c_void_p, il_value)),
    "il_task_mean": (il_value, (c_void_p, il_value)),
    "il_task_product": (il_value, (c_void_p, c_int, POINTER(il_value), POINTER(il_value))),
    "il_loop_open": (c_void_p, (c_void_p, c_int, c_int, POINTER(il_value), POINTER(il_value))),
    "il_loop_row": (il_value, (c_void_p, il_value)),
    "il_loop_step": (il_value, (c_void_p,)),
    "il_loop_close": (None, (c_void_p, POINTER(il_value), POINTER(il_value), c_int, POINTER(il_value), POINTER(il_value))),
    "il_graph_dump": (c_void_p, (c_void_p,)),
    "il_graph_parse": (c_void_p, (c_void_p, c_char_p)),
    "il_graph_dot": (c_void_p, (c_void_p,)),
    "il_reference_run": (c_int, (c_void_p, POINTER(il_bindings))),
    "il_values_copy": (il_values, (c_void_p, POINTER(il_values))),
    "il_values_put": (None, (c_void_p, POINTER(il_values), il_entry, il_value)),
    "il_values_find": (c_int, (POINTER(il_values), c_char_p)),
    "il_values_get": (il_value, (c_void_p, POINTER(il_values), c_char_p)),
    "il_values_input": (il_values, (c_void_p, c_int, POINTER(il_entry), c_char_p, c_int)),
    "il_values_grad": (il_values, (c_void_p, il_value, POINTER(il_values))),
    "il_values_task_mean": (il_values, (c_void_p, POINTER(il_values))),
    "il_entry_initialize": (None, (POINTER(il_entry), c_uint64, c_int, c_void_p)),
    "il_entries_add": (c_bool, (c_void_p, POINTER(il_entries), il_entry)),
    "il_entries_free": (None, (POINTER(il_entries),)),
    "il_entry_rename": (c_bool, (c_void_p, POINTER(il_entry), c_char_p, c_char_p)),
    "il_grad": (c_int, (c_void_p, il_value, c_int, POINTER(il_value), POINTER(il_value))),
    "il_vjp": (c_int, (c_void_p, c_int, POINTER(il_value), POINTER(il_value), c_int, POINTER(il_value), POINTER(il_value))),
    "il_jvp": (c_int, (c_void_p, c_int, POINTER(il_value), POINTER(il_value), c_int, POINTER(il_value), POINTER(il_value))),
    "il_value_origin": (None, (c_void_p, il_value, c_char_p, c_size_t)),
    "il_graph_without_leaves": (c_int, (c_void_p,)),
    "il_graph_factor": (c_int, (c_void_p,)),
    "il_plan_build": (c_void_p, (c_void_p, POINTER(il_plan_options))),
    "il_plan_free": (None, (c_void_p,)),
    "il_plan_workspace": (c_size_t, (c_void_p, c_int, c_int)),
    "il_plan_run": (c_int, (c_void_p, c_void_p, c_void_p, POINTER(il_bindings))),
    "il_profile_new": (c_void_p, (c_void_p, c_int)),
    "il_profile_free": (None, (c_void_p,)),
    "il_plan_run_profiled": (c_int, (c_void_p, c_void_p, c_void_p, POINTER(il_bindings), c_void_p)),
    "il_profile_print": (c_void_p, (c_void_p, c_int)),
    "il_plan_check": (c_int, (c_void_p, POINTER(il_bindings), POINTER(il_plan_checked))),
    "il_plan_print": (c_void_p, (c_void_p,)),
    "il_plan_summarize": (il_plan_summary, (c_void_p,)),
    "il_next": (None, (c_void_p, il_value, il_value)),
    "il_function_new": (c_void_p, (c_void_p, POINTER(il_function_options))),
    "il_function_free": (None, (c_void_p,)),
    "il_function_graph": (c_void_p, (c_void_p,)),
    "il_function_plan": (c_void_p, (c_void_p,)),
    "il_function_input": (c_int, (c_void_p, c_char_p)),
    "il_function_output": (c_int, (c_void_p, c_char_p)),
    "il_buffers_init": (c_int, (c_void_p, POINTER(il_buffers), c_int, POINTER(il_entry), c_int, c_bool)),
    "il_buffers_initialize": (None, (POINTER(il_buffers), c_uint64)),
    "il_buffers_free": (None, (POINTER(il_buffers),)),
    "il_buffers_bytes": (c_size_t, (POINTER(il_buffers),)),
    "il_buffers_at": (c_void_p, (POINTER(il_buffers), c_int)),
    "il_buffers_find": (c_int, (POINTER(il_buffers), c_char_p)),
    "il_run_new": (c_void_p, (c_void_p, c_void_p, c_void_p, c_int)),
    "il_run_free": (None, (c_void_p,)),
    "il_run_bytes": (c_size_t, (c_void_p,)),
    "il_run_input": (None, (c_void_p, c_int, c_void_p)),
    "il_run_output": (None, (c_void_p, c_int, c_void_p)),
    "il_run_set": (None, (c_void_p, c_int, c_double)),
    "il_run_number": (c_double, (c_void_p, c_int)),
    "il_run_buffers": (c_int, (c_void_p, POINTER(il_buffers), c_char_p)),
    "il_run_go": (c_int, (c_void_p, c_int)),
    "il_run_check": (c_int, (c_void_p, c_int, POINTER(il_plan_checked))),
    "il_net_new": (c_void_p, (c_void_p, c_int, POINTER(il_layer), il_shape, c_int)),
    "il_net_preset": (c_void_p, (c_void_p, c_char_p, il_shape, c_int, c_int)),
    "il_net_copy": (c_void_p, (c_void_p,)),
    "il_net_free": (None, (c_void_p,)),
    "il_net_layers": (c_int, (c_void_p,)),
    "il_net_layer": (POINTER(il_layer), (c_void_p, c_int)),
    "il_net_parameters": (c_int, (c_void_p,)),
    "il_net_parameter_name": (c_char_p, (c_void_p, c_int)),
    "il_net_parameter_shape": (il_shape, (c_void_p, c_int)),
    "il_net_parameter_torch_shape": (il_shape, (c_void_p, c_int)),
    "il_net_parameter_pixels": (c_int64, (c_void_p, c_int)),
    "il_net_from_torch": (None, (c_void_p, c_int, c_int, c_void_p, c_void_p)),
    "il_net_to_torch": (None, (c_void_p, c_int, c_int, c_void_p, c_void_p)),
    "il_net_initialize": (None, (c_void_p, c_int, c_uint64, c_int, c_void_p)),
    "il_net_apply": (il_value, (c_void_p, c_void_p, POINTER(il_value), il_value, c_int, POINTER(il_moments), il_value, c_int64)),
    "il_cross_entropy": (il_value, (c_void_p, il_value, il_value)),
    "il_mean_squared_error": (il_value, (c_void_p, il_value, il_value)),
    "il_binary_cross_entropy": (il_value, (c_void_p, il_value, il_value)),
    "il_loss_value": (il_value, (c_void_p, c_int, il_value, il_value)),
    "il_accuracy": (il_value, (c_void_p, il_value, il_value)),
    "il_rate_times": (il_value, (c_void_p, il_value, il_rate)),
    "il_update_number": (il_rate, (POINTER(il_update), c_char_p, c_double)),
    "il_optimizers": (c_int, ()),
    "il_optimizer_at": (POINTER(il_optimizer), (c_int,)),
    "il_optimizer_find": (POINTER(il_optimizer), (c_char_p,)),
    "il_optimizer_slots": (c_int, (c_void_p, POINTER(il_optimizer), c_int, POINTER(il_entry), POINTER(il_entries))),
    "il_optimizer_update": (None, (c_void_p, POINTER(il_optimizer), c_void_p, il_value, il_rate, POINTER(il_values), POINTER(il_values), c_bool, POINTER(il_values), POINTER(il_values), POINTER(il_values))),
    "il_optimizer_next": (None, (c_void_p, POINTER(il_optimizer), c_void_p, il_value, il_rate, POINTER(il_values), POINTER(il_values), POINTER(il_values))),
    "il_query_statistics_name": (c_char_p, (c_int,)),
    "il_task_inputs": (None, (c_void_p, POINTER(il_task_shape), il_task_needs, POINTER(il_task))),
    "il_algorithms": (c_int, ()),
    "il_algorithm_at": (POINTER(il_algorithm), (c_int,)),
    "il_algorithm_find": (POINTER(il_algorithm), (c_char_p,)),
    "il_net_entries": (c_int, (c_void_p, c_void_p, POINTER(il_entries))),
    "il_meta_entries": (c_int, (c_void_p, c_void_p, POINTER(il_algorithm), POINTER(il_inner), c_void_p, POINTER(il_entries))),
    "il_carry_entries": (c_int, (c_void_p, c_void_p, POINTER(il_entries))),
    "il_build_check": (c_bool, (POINTER(il_build),)),
    "il_build_begin": (None, (POINTER(il_build), POINTER(il_values))),
    "il_build_adapt": (None, (POINTER(il_build), POINTER(il_values), c_int, c_int)),
    "il_build_end": (il_values, (POINTER(il_build), POINTER(il_values))),
    "il_build_query": (il_value, (POINTER(il_build), POINTER(il_values), c_int)),
    "il_build_outcome": (c_int, (POINTER(il_build), POINTER(il_outcome))),
    "il_carry_next": (il_values, (POINTER(il_build), POINTER(il_outcome))),
    "il_apply": (il_value, (POINTER(il_build), POINTER(il_values), il_value, c_int)),
    "il_support_loss": (il_value, (POINTER(il_build), POINTER(il_values), c_int)),
    "il_query_objective": (None, (POINTER(il_build), POINTER(il_outcome))),
    "il_query_loss": (il_value, (POINTER(il_build), il_value)),
    "il_gradient_begin": (None, (POINTER(il_build), POINTER(il_values))),
    "il_gradient_step": (None, (POINTER(il_build), POINTER(il_values), c_int)),
    "il_adapting": (il_values, (POINTER(il_build),)),
    "il_inner_begin": (None, (POINTER(il_build), POINTER(il_values), POINTER(il_values))),
    "il_inner_gradient": (il_values, (POINTER(il_build), il_value, POINTER(il_values))),
    "il_inner_update": (None, (POINTER(il_build), POINTER(il_values), POINTER(il_values), c_int)),
    "il_step_scope": (None, (POINTER(il_build), c_int)),
    "il_step_value": (il_value, (POINTER(il_build), il_entry, il_value, c_int)),
    "il_net_score": (il_value, (POINTER(il_build), POINTER(il_values), il_value, c_int)),
    "il_class_means": (il_value, (POINTER(il_build), il_value, il_value)),
    "il_learner_room": (c_size_t, (c_void_p, c_size_t, POINTER(il_learner_options))),
    "il_learner_place": (c_void_p, (c_void_p, c_size_t, c_void_p, c_size_t)),
    "il_learner_place_for": (c_void_p, (c_void_p, c_size_t, POINTER(il_learner_options), c_void_p, c_size_t)),
    "il_learner_adapt": (c_int, (c_void_p, c_int, c_void_p, c_void_p)),
    "il_learner_predict": (c_int, (c_void_p, c_int, c_void_p, POINTER(c_float))),
    "il_learner_status": (c_int, (c_void_p,)),
    "il_learner_message": (c_char_p, (c_void_p,)),
    "il_learner_used": (c_size_t, (c_void_p,)),
    "il_learner_describe": (c_bool, (c_void_p, POINTER(il_learner_info))),
    "il_learner_class_name": (c_char_p, (c_void_p, c_int)),
    "il_files_check": (c_int, (c_void_p,)),
    "il_file_mapped": (c_char_p, (c_void_p,)),
    "il_tensors_open": (c_void_p, (c_void_p, c_char_p)),
    "il_tensors_close": (None, (c_void_p,)),
    "il_tensors_count": (c_int, (c_void_p,)),
    "il_tensors_at": (POINTER(il_tensor), (c_void_p, c_int)),
    "il_tensors_find": (POINTER(il_tensor), (c_void_p, c_char_p)),
    "il_tensors_format": (c_char_p, (c_void_p,)),
    "il_tensors_left_out": (c_int, (c_void_p,)),
    "il_tensors_texts": (c_int, (c_void_p,)),
    "il_tensors_texts_at": (POINTER(il_texts), (c_void_p, c_int)),
    "il_tensors_texts_find": (POINTER(il_texts), (c_void_p, c_char_p)),
    "il_tensor_is_real": (c_bool, (POINTER(il_tensor),)),
    "il_tensor_reals": (None, (POINTER(il_tensor), c_int, c_void_p)),
    "il_file_format_of": (c_int, (c_char_p,)),
    "il_tensors_write": (c_int, (c_void_p, c_char_p, c_int, c_int, POINTER(il_tensor))),
    "il_labelled_read": (POINTER(il_labelled), (c_void_p, c_char_p, c_int)),
    "il_labelled_of": (POINTER(il_labelled), (c_void_p, c_char_p, c_void_p, c_int)),
    "il_labelled_free": (None, (POINTER(il_labelled),)),
    "il_labelled_channels_last": (c_int, (c_void_p, POINTER(il_labelled))),
    "il_split_name": (c_char_p, (c_int,)),
    "il_dataset_open": (c_void_p, (c_void_p, c_char_p)),
    "il_dataset_glyphs": (c_void_p, (c_void_p, POINTER(il_glyphs))),
    "il_dataset_new": (c_void_p, (c_void_p, POINTER(il_dataset_arrays))),
    "il_dataset_write": (c_int, (c_void_p, c_char_p)),
    "il_dataset_free": (None, (c_void_p,)),
    "il_dataset_classes": (c_int, (c_void_p,)),
    "il_dataset_examples": (c_int, (c_void_p, c_int)),
    "il_dataset_shape": (il_shape, (c_void_p,)),
    "il_dataset_type": (c_int, (c_void_p,)),
    "il_dataset_scale": (c_double, (c_void_p,)),
    "il_dataset_example": (c_void_p, (c_void_p, c_int, c_int)),
    "il_dataset_class_name": (c_char_p, (c_void_p, c_int)),
    "il_dataset_class_origin": (c_char_p, (c_void_p, c_int)),
    "il_splits_new": (c_void_p, (c_void_p, c_void_p, POINTER(il_split_options))),
    "il_splits_free": (None, (c_void_p,)),
    "il_splits_count": (c_int, (c_void_p, c_int)),
    "il_splits_class": (c_int, (c_void_p, c_int, c_int)),
    "il_sampler_new": (c_void_p, (c_void_p, c_void_p, c_void_p, POINTER(il_episode_options))),
    "il_sampler_free": (None, (c_void_p,)),
    "il_sampler_episode_size": (c_size_t, (c_void_p,)),
    "il_sampler_draw": (None, (c_void_p, c_int, c_uint64, c_void_p, POINTER(il_episode))),
    "il_sampler_fill": (None, (c_void_p, POINTER(il_episode), c_void_p, POINTER(c_int32), c_void_p, POINTER(c_int32))),
    "il_sampler_write_list": (c_int, (c_void_p, c_void_p, c_int, c_uint64, c_char_p)),
    "il_sampler_read_list": (c_int, (c_void_p, c_int, c_char_p, POINTER(c_uint64))),
    "il_sinusoid_draw": (None, (c_uint64, c_int, c_uint64, c_int, c_int, POINTER(c_float), POINTER(c_float), POINTER(c_float), POINTER(c_float))),
    "il_augment_any": (c_bool, (POINTER(il_augment),)),
    "il_augment_apply": (None, (POINTER(il_augment), c_uint64, c_uint64, c_uint64, c_int, il_shape, c_void_p, c_void_p)),
    "il_augment_check": (c_int, (c_void_p, POINTER(il_augment), il_shape)),
    "il_sources": (c_int, ()),
    "il_source_at": (POINTER(il_source), (c_int,)),
    "il_source_find": (POINTER(il_source), (c_char_p,)),
    "il_tasks_open": (c_void_p, (c_void_p, POINTER(il_source), c_void_p, POINTER(il_source_options))),
    "il_tasks_free": (None, (c_void_p,)),
    "il_tasks_variants": (c_int, (c_void_p, c_int)),
    "il_tasks_share": (c_double, (c_void_p, c_int, c_int)),
    "il_tasks_count": (c_int64, (c_void_p, c_int)),
    "il_tasks_shape": (POINTER(il_task_shape), (c_void_p, c_int, c_int)),
    "il_tasks_classes": (c_int, (c_void_p, c_int)),
    "il_tasks_draw": (c_int, (c_void_p, il_task_id, c_int, POINTER(il_task_memory))),
    "il_tasks_go": (c_int, (c_void_p, il_task_id, c_int, POINTER(il_task_memory), c_void_p, c_int64, POINTER(il_results))),
    "il_tasks_call_go": (c_int, (POINTER(il_tasks_call),)),
    "il_samples_open": (POINTER(il_samples), (c_void_p, c_char_p)),
    "il_samples_open_signals": (POINTER(il_samples), (c_void_p, c_char_p)),
    "il_samples_of_classes": (POINTER(il_samples), (c_void_p, c_void_p, c_int, POINTER(c_int))),
    "il_samples_subset": (POINTER(il_samples), (c_void_p, POINTER(il_samples), c_int64, POINTER(c_int64))),
    "il_samples_hold_out": (c_int, (c_void_p, POINTER(il_samples), c_double, c_uint64, POINTER(POINTER(il_samples)), POINTER(POINTER(il_samples)))),
    "il_samples_write": (c_int, (c_void_p, POINTER(il_samples), c_char_p)),
    "il_samples_free": (None, (POINTER(il_samples),)),
    "il_import": (c_int, (c_void_p, c_char_p, c_char_p, POINTER(il_import_options), POINTER(il_import_report))),
    "il_import_report_free": (None, (POINTER(il_import_report),)),
    "il_import_kind_of": (c_char_p, (c_char_p,)),
    "il_import_kinds": (c_int, ()),
    "il_import_kind_name": (c_char_p, (c_int,)),
    "il_import_kind_doc": (c_char_p, (c_int,)),
    "il_dataset_export": (c_int, (c_void_p, c_char_p, POINTER(il_export_options))),
    "il_config_new": (c_void_p, (c_void_p,)),
    "il_config_load": (c_void_p, (c_void_p, c_char_p)),
    "il_config_parse": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "il_config_copy": (c_void_p, (c_void_p, c_void_p)),
    "il_config_free": (None, (c_void_p,)),
    "il_config_set": (c_int, (c_void_p, c_char_p)),
    "il_config_set_layers": (c_int, (c_void_p, c_int, POINTER(il_layer))),
    "il_config_validate": (c_int, (c_void_p,)),
    "il_config_get": (c_char_p, (c_void_p, c_char_p)),
    "il_config_dump": (c_void_p, (c_void_p,)),
    "il_config_keys": (c_int, ()),
    "il_config_key_at": (il_config_key, (c_int, c_char_p, c_size_t)),
    "il_presets": (c_int, ()),
    "il_preset_at": (POINTER(il_preset), (c_int,)),
    "il_nearest": (c_char_p, (c_char_p, c_int, POINTER(c_char_p))),
    "il_train": (c_int, (c_void_p, c_void_p, POINTER(il_train_options))),
    "il_evaluate": (c_int, (c_void_p, c_char_p, POINTER(il_evaluate_options), POINTER(il_evaluation))),
    "il_write_episodes": (c_int, (c_void_p, c_void_p, c_int, c_uint64, c_char_p)),
    "il_check_meta_gradient": (c_int, (c_void_p, c_void_p, c_void_p, POINTER(il_meta_check))),
    "il_gradient_of_file": (c_int, (c_void_p, c_void_p, c_char_p, c_char_p, c_char_p, c_void_p, POINTER(c_double))),
    "il_write_initial": (c_int, (c_void_p, c_void_p, c_char_p)),
    "il_training_plan": (c_void_p, (c_void_p, c_void_p, POINTER(il_plan_summary))),
    "il_run_input_of": (c_int, (c_void_p, c_char_p, POINTER(il_learner_input))),
    "il_learner_export": (c_int, (c_void_p, c_char_p, c_char_p)),
    "il_adapted_new": (c_void_p, (c_void_p, c_char_p, c_void_p, POINTER(il_adapt_options))),
    "il_adapted_new_targets": (c_void_p, (c_void_p, c_char_p, POINTER(il_adapt_targets), POINTER(il_adapt_options))),
    "il_adapted_open": (c_void_p, (c_void_p, c_char_p, c_void_p)),
    "il_adapted_save": (c_int, (c_void_p, c_char_p)),
    "il_adapted_free": (None, (c_void_p,)),
    "il_adapted_classes": (c_int, (c_void_p,)),
    "il_adapted_outputs": (c_int, (c_void_p,)),
    "il_adapted_class_name": (c_char_p, (c_void_p, c_int)),
    "il_adapted_example": (il_shape, (c_void_p,)),
    "il_adapted_type": (c_int, (c_void_p,)),
    "il_adapted_inverted": (c_bool, (c_void_p,)),
    "il_adapted_describe": (None, (c_void_p, POINTER(il_adapted_report))),
    "il_adapted_predict": (c_int, (c_void_p, c_int64, c_void_p, POINTER(c_float))),
    "il_sweep_new": (c_void_p, (c_void_p, c_void_p, POINTER(il_sweep_options))),
    "il_sweep_free": (None, (c_void_p,)),
    "il_sweep_points": (c_int, (c_void_p,)),
    "il_sweep_point_at": (POINTER(il_sweep_point), (c_void_p, c_int)),
    "il_sweep_runs": (c_int, (c_void_p,)),
    "il_sweep_run_at": (POINTER(il_sweep_run), (c_void_p, c_int)),
    "il_sweep_go": (c_int, (c_void_p, POINTER(il_sweep_go_options))),
    "il_sweep_json": (c_void_p, (c_void_p,)),
    "il_model_new": (c_void_p, (c_void_p, POINTER(il_model_options), il_shape, c_int)),
    "il_model_open": (c_void_p, (c_void_p, POINTER(il_model_options), c_char_p, il_shape)),
    "il_model_with_head": (c_void_p, (c_void_p, c_void_p, c_int, c_uint64)),
    "il_model_copy": (c_void_p, (c_void_p, c_void_p)),
    "il_model_free": (None, (c_void_p,)),
    "il_model_net": (c_void_p, (c_void_p,)),
    "il_model_parameter": (POINTER(c_float), (c_void_p, c_int)),
    "il_model_statistics": (c_int, (c_void_p,)),
    "il_model_set_statistics": (c_int, (c_void_p, c_int)),
    "il_model_trained_inputs": (c_int, (c_void_p,)),
    "il_model_save": (c_int, (c_void_p, c_char_p)),
    "il_fit_defaults": (il_fit_options, ()),
    "il_fit": (c_int, (c_void_p, c_void_p, POINTER(il_samples), POINTER(il_fit_options))),
    "il_predict": (c_int, (c_void_p, c_void_p, POINTER(il_samples), c_void_p, POINTER(c_float))),
    "il_test": (c_int, (c_void_p, c_void_p, POINTER(il_samples), c_int, c_void_p, POINTER(il_test_result))),
    "il_test_scores": (None, (POINTER(il_samples), c_int, POINTER(c_float), POINTER(il_test_result))),
    "il_meta_defaults": (il_meta_options, ()),
    "il_meta_fit": (c_int, (c_void_p, c_void_p, POINTER(il_samples), POINTER(il_meta_options))),
    "il_adapt": (c_int, (c_void_p, c_void_p, POINTER(il_samples), POINTER(il_meta_options))),
    "il_meta_test": (c_int, (c_void_p, c_void_p, POINTER(il_samples), POINTER(il_meta_options), c_int, POINTER(c_double), POINTER(c_double))),
    "il_greedy_rule_defaults": (il_greedy_rule, ()),
    "il_greedy_rule_check": (c_int, (c_void_p, POINTER(il_greedy_rule))),
    "il_greedy_units_new": (c_void_p, (c_void_p, c_void_p, c_int, c_int64, c_int)),
    "il_greedy_units_free": (None, (c_void_p,)),
    "il_greedy_units_count": (c_int64, (c_void_p,)),
    "il_greedy_units_scalars": (c_int64, (c_void_p,)),
    "il_greedy_unit_of": (c_int64, (c_void_p, c_int, c_int64)),
    "il_greedy_unit_scores": (None, (c_void_p, c_int, c_int, POINTER(c_void_p), POINTER(c_double))),
    "il_greedy_order": (c_bool, (c_void_p, POINTER(il_greedy_rule), POINTER(c_double), POINTER(c_uint32))),
    "il_greedy_fits": (c_bool, (c_void_p, POINTER(il_greedy_rule), c_char_p, c_size_t)),
    "il_greedy_take": (None, (c_void_p, POINTER(il_greedy_rule), POINTER(c_uint32), POINTER(POINTER(c_uint8)), POINTER(il_greedy_choice))),
    "il_greedy_measure": (c_int, (c_void_p, c_void_p, POINTER(il_greedy_rule), c_int, POINTER(il_value), il_value, il_value, POINTER(il_value), POINTER(il_value))),
    "il_greedy_curvature": (c_int, (c_void_p, c_void_p, c_int, POINTER(il_value), il_value, c_int, POINTER(il_moments), POINTER(il_value))),
    "il_candidates_defaults": (il_candidates_options, ()),
    "il_greedy_defaults": (il_greedy_options, ()),
    "il_greedy_run": (c_int, (c_void_p, c_void_p, c_int, POINTER(il_greedy_options), POINTER(il_greedy_part), POINTER(il_greedy_part), POINTER(c_void_p), POINTER(il_greedy_result))),
    "il_fit_greedy_defaults": (il_fit_greedy_options, ()),
    "il_fit_greedy": (c_int, (c_void_p, c_void_p, POINTER(il_samples), POINTER(il_fit_greedy_options), POINTER(il_greedy_result))),
    "il_greedy_evaluate_defaults": (il_greedy_evaluate_options, ()),
    "il_evaluate_greedy": (c_int, (c_void_p, c_char_p, POINTER(il_greedy_evaluate_options), POINTER(il_greedy_evaluation))),
    "il_compare_defaults": (il_compare_options, ()),
    "il_compare": (c_int, (c_void_p, POINTER(il_samples), POINTER(il_samples), POINTER(il_compare_options), POINTER(il_compare_result))),
    "il_compare_plot": (c_int, (c_void_p, POINTER(il_compare_result), c_char_p)),
    "il_interval": (None, (c_int, POINTER(c_double), POINTER(c_double), POINTER(c_double))),
    "il_improve_defaults": (il_improve_options, ()),
    "il_improve": (c_int, (c_void_p, c_void_p, POINTER(il_improve_options), POINTER(il_improve_result), POINTER(c_void_p))),
    "il_measure_peak": (c_double, (c_void_p,)),
    "il_measure_problem": (c_int, (c_void_p, c_char_p, c_double, POINTER(il_measured_problem))),
    "il_measure_step": (c_int, (c_void_p, c_void_p, c_void_p, c_double, POINTER(il_measured_step))),
    "il_measure_why": (c_void_p, (c_void_p, c_void_p)),
    "il_report_write": (c_int, (c_void_p, c_int, POINTER(c_char_p), POINTER(il_report_options), POINTER(il_report))),
}

#: constant records, and the first rows of tables
RECORDS: dict[str, Any] = {
    "il_sgd": il_optimizer,
    "il_momentum": il_optimizer,
    "il_adam": il_optimizer,
    "il_adamw": il_optimizer,
    "il_rmsprop": il_optimizer,
    "il_adagrad": il_optimizer,
    "il_maml": il_algorithm,
    "il_anil": il_algorithm,
    "il_boil": il_algorithm,
    "il_meta_sgd": il_algorithm,
    "il_protonet": il_algorithm,
    "il_reptile": il_algorithm,
    "il_protomaml": il_algorithm,
    "il_cavia": il_algorithm,
    "il_mamlpp": il_algorithm,
    "il_meta_curvature": il_algorithm,
    "il_imaml": il_algorithm,
    "il_matching": il_algorithm,
    "il_r2d2": il_algorithm,
    "il_metaoptnet": il_algorithm,
    "il_relation": il_algorithm,
    "il_baseline": il_algorithm,
    "il_baselinepp": il_algorithm,
    "il_simpleshot": il_algorithm,
    "il_hyper": il_algorithm,
    "il_augment_fields": il_field,
}
