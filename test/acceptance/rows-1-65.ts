/**
 * Why: rows 1 to 65 of what MXNet's tests demand: hybridizing, tracing, dynamic shapes, fusion, autograd.
 *
 * Invariant: ids ascend without a hole.
 */
import type { Row } from './rows.ts';

const HYBRIDIZE = 'test/acceptance/hybridize.test.ts';
const TRACING = 'test/acceptance/tracing.test.ts';
const DYNAMIC = 'test/acceptance/dynamic-shape.test.ts';
const FUSION = 'test/acceptance/fusion.test.ts';
const AUTOGRAD = 'test/acceptance/autograd.test.ts';
const FRONTEND_HYBRIDIZE = 'test/frontend/hybridize.test.ts';
const FRONTEND_AUTOGRAD = 'test/frontend/autograd.test.ts';
const BLOCK = 'test/frontend/gluon/block.test.ts';

// biome-ignore format: a table
export const firstRows: readonly Row[] = [
  // hybridize = imperative
  { id: 1, name: 'check_gluon_hybridize_consistency', covered: [
    { file: HYBRIDIZE, test: 'outputs and gradients are the formula: hybridized or not, recorded or not' },
    { file: FRONTEND_HYBRIDIZE, test: 'checkHybridize compares outputs, gradients and state over several calls' },
  ] },
  { id: 2, name: 'gluon.test_hybrid_static_memory', covered: [
    { file: HYBRIDIZE, test: 'ResNet-18 run twice and summed: all gradients are those of the imperative net, under all options' },
  ], note: 'The channels are an eighth of those of ResNet-18.' },
  { id: 3, name: 'test_hybrid_static_memory_switching', covered: [
    { file: HYBRIDIZE, test: 'one net trains and predicts with batches of 4, then 2, and records after predicting' },
  ] },
  { id: 4, name: 'test_hybrid_static_memory_recording', covered: [
    { file: HYBRIDIZE, test: 'one net trains and predicts with batches of 4, then 2, and records after predicting' },
  ] },
  { id: 5, name: 'test_reqs_switching_training_inference', covered: [
    { file: HYBRIDIZE, test: 'after another input and a prediction, the first gradient comes back' },
  ] },
  { id: 6, name: 'test_share_inputs_outputs', covered: [
    { file: HYBRIDIZE, test: 'an argument as result, and a head gradient that is the gradient of both arguments' },
    { file: FRONTEND_HYBRIDIZE, test: 'results that are arguments or captured arrays keep their values' },
  ] },
  { id: 7, name: 'test_grad_graph_change', covered: [
    { file: HYBRIDIZE, test: 'an integer result beside one with a gradient' },
    { file: FRONTEND_HYBRIDIZE, test: 'outputs that are not used get no gradient, hybridized calls chain' },
  ] },
  { id: 8, name: 'test_inline', covered: [
    { file: HYBRIDIZE, test: 'a hybridized net is recorded as one call, an imperative one as all of its calls' },
    { file: FRONTEND_HYBRIDIZE, test: 'hybridized functions inside hybridized functions are part of them' },
  ], note: 'There is no inline_limit: a net is one recorded call whatever its size, and a part of the program around it.' },
  { id: 9, name: 'test_req', covered: [
    { file: HYBRIDIZE, test: "with gradReq 'add' a second backward doubles the gradients, hybridized too" },
    { file: FRONTEND_HYBRIDIZE, test: 'accumulated gradients and arguments with gradients are written at each call' },
  ] },
  { id: 10, name: 'test_hybrid_stale_cache', covered: [
    { file: 'test/frontend/gluon/nn.container.test.ts', test: 'a container that changes after it was compiled is compiled anew' },
    { file: BLOCK, test: 'replacing a child or casting a parameter drops stale programs' },
  ] },
  { id: 11, name: 'test_hybrid_block_none_args', covered: [
    { file: HYBRIDIZE, test: 'null may stand in any position, also as a new pattern' },
  ], note: 'A new pattern is traced anew instead of being refused.' },
  { id: 12, name: 'test_hybrid_block_hybrid_no_hybrid', covered: [
    { file: HYBRIDIZE, test: 'numbers and lists are arguments of hybridized blocks too; arrays of two devices are refused' },
  ], note: 'Numbers are arguments of hybridized blocks too: each has a program of its own.' },
  { id: 13, name: 'test_hybrid_multi_context', covered: [
    { file: 'test/frontend/gluon/devices.once.test.ts', test: 'a block computes on the device of its arguments, and so do arrays that it makes' },
  ] },
  { id: 14, name: 'test_squeeze_consistency', covered: [
    { file: HYBRIDIZE, test: 'an axis of size 1 vanishes for batch 1 alone' },
  ] },
  { id: 15, name: 'numpy_ndarray.test_np_hybrid_block_multiple_outputs', covered: [
    { file: FRONTEND_HYBRIDIZE, test: 'arguments may be nested, null or plain values, results too' },
    { file: BLOCK, test: 'several results, nested arguments and null pass through hybridized blocks' },
  ] },
  { id: 16, name: 'numpy_gluon.test_hybridize_boolean_dtype', covered: [
    { file: HYBRIDIZE, test: 'results of comparisons stay booleans' },
  ] },
  { id: 17, name: 'gpu/test_gluon_gpu.test_cuda_graphs', covered: [
    { file: 'test/frontend/gluon/replays.test.ts', test: 'ten steps of a net of many layers: outputs, gradients and parameters are those of the imperative net on the CPU' },
    { file: 'test/frontend/gluon/nn.test.ts', test: `\${name}: hybridized is imperative, in training and in prediction` },
    { file: 'test/runtime/cuda-bulk.test.ts', test: 'two products as a graph, on arrays that change' },
  ], note: 'On every device; the layers are those of the tables in nn.test.ts and nn.more.test.ts.' },
  // tracing (test_deferred_compute)
  { id: 18, name: 'dc_single_output, dc_reshape, dc_slice', covered: [
    { file: TRACING, test: `traced = imperative = exported: \${name}` },
  ] },
  { id: 19, name: 'dc_subset_of_output', covered: [{ file: TRACING, test: 'one of several results' }] },
  { id: 20, name: 'dc_no_inputs_*', covered: [
    { file: TRACING, test: 'without arguments: constants made inside, and what is computed of them' },
    { file: FRONTEND_HYBRIDIZE, test: 'arrays made inside are constants' },
  ], note: 'A net without arguments cannot be exported, which is an error.' },
  { id: 21, name: 'dc_inplace_error', covered: [
    { file: TRACING, test: 'a part that is assigned is a new array; assigning while it is recorded is refused' },
    { file: FRONTEND_HYBRIDIZE, test: 'assigning to an argument changes the array of the caller, as it does imperatively' },
  ], note: 'Assigning works in a trace and takes effect when the program runs; while recording it is an error.' },
  { id: 22, name: 'dc_input_part_of_output', covered: [
    { file: TRACING, test: 'the argument among the results' },
    { file: FRONTEND_HYBRIDIZE, test: 'results that are arguments or captured arrays keep their values' },
  ] },
  { id: 23, name: 'dc_get_symbol_called_twice', covered: [
    { file: TRACING, test: 'a net can be exported again and again, with the same text' },
  ] },
  { id: 24, name: 'dc_set_variable_called_twice_error', covered: [
    { file: TRACING, test: 'the same array as two arguments is one input' },
    { file: FRONTEND_HYBRIDIZE, test: 'an array passed twice is one argument, with one gradient' },
  ], note: 'Arrays are bound by what they are, not by names: one array cannot be two variables.' },
  { id: 25, name: 'dc_context_switch', covered: [
    { file: TRACING, test: 'copying to another device inside of a trace is refused: a program runs on one' },
    { file: 'test/frontend/arrays/transfer.test.ts', test: 'values travel between devices and back' },
  ], note: 'A program runs on one device: copies to others are between programs.' },
  { id: 26, name: 'dc_astype', covered: [{ file: TRACING, test: `traced = imperative = exported: \${name}` }] },
  { id: 27, name: 'dc_dynamic_shape', covered: [
    { file: TRACING, test: 'marks of positions' },
    { file: DYNAMIC, test: 'in a hybridized function without a size, the error says what to write' },
    { file: 'test/frontend/order.test.ts', test: 'functions of values run hybridized where their size is given' },
  ], note: 'In a trace the number of positions is given; without it there is an error.' },
  { id: 28, name: 'dc_integer, slice, tuple, boolean_indexing', covered: [
    { file: TRACING, test: 'an index' },
    { file: TRACING, test: 'ranges and indices' },
    { file: TRACING, test: 'arrays of positions' },
    { file: TRACING, test: 'marks of positions' },
  ] },
  { id: 29, name: 'dc_list_indexing_error, dc_numpy_indexing_error', covered: [
    { file: TRACING, test: 'keys of other kinds fail loudly, naming what there is' },
  ], note: 'A list of up to three numbers is a range by design.' },
  { id: 30, name: 'dc_hybridblock, dc_hybridblock_wrapped', covered: [
    { file: TRACING, test: 'blocks with parameters of their own and layers inside: gradients, and export' },
  ] },
  { id: 31, name: 'dc_hybridblock_deferred_init, dc_hybridblock_deferred_init_no_infer_shape_error', covered: [
    { file: TRACING, test: 'a parameter learns its shape where forward tells it, and says so where nobody does' },
    { file: BLOCK, test: 'shapes are learnt at the first call, also when that call is traced' },
  ] },
  { id: 32, name: 'dc_hybridblock_dynamic_shape, dc_hybridblock_graph_partition', covered: [
    { file: DYNAMIC, test: 'between static parts: one block under three sets of options, on, off and on again' },
    { file: BLOCK, test: 'a plain block that reads values splits the program instead of failing' },
  ], note: 'What depends on values is in a plain Block or nn.Lambda, and the program is split around it.' },
  { id: 33, name: 'indexing_shape_change', covered: [
    { file: TRACING, test: 'ranges follow the size of each input, not of the first' },
  ] },
  { id: 34, name: 'indexing_empty_shape', covered: [{ file: TRACING, test: 'axes of size 0, then others' }] },
  { id: 35, name: 'gluon_indexing.test_getitem_hybridized', covered: [
    { file: TRACING, test: 'advanced indexing: hybridized is imperative, and gradients are slopes' },
    { file: 'test/frontend/arrays/gradients.once.test.ts', test: 'reads at arrays of positions' },
  ] },
  { id: 36, name: 'numpy_gluon.test_symbolic_basic_slicing', covered: [
    { file: TRACING, test: '48 random ranges, hybridized: the elements that Python takes' },
  ] },
  // dynamic shape (test_dynamic_shape)
  { id: 37, name: 'dynamic_shape, dynamic_shape_with_reshape, dynamic_shape_backward', covered: [
    { file: DYNAMIC, test: 'boolean masks: values and gradients, imperative, as they are in NumPy' },
    { file: DYNAMIC, test: 'of a size that is given, one program selects: values, gradients, and slopes' },
  ], note: 'In one program the size is given; imperatively and around a split it is free.' },
  { id: 38, name: 'dynamic_shape_multiple_hybridize', covered: [
    { file: DYNAMIC, test: 'between static parts: one block under three sets of options, on, off and on again' },
  ] },
  { id: 39, name: 'dynamic_shape_switch_hybridize', covered: [
    { file: DYNAMIC, test: 'between static parts: one block under three sets of options, on, off and on again' },
  ] },
  // fusion and graph (gpu/test_fusion, test_symbol)
  { id: 40, name: 'test_fusion: unary ops', covered: [
    { file: FUSION, test: `\${Object.keys(UNARY).length} functions of one array, fused and not` },
  ] },
  { id: 41, name: 'test_fusion: binary, scalar, add_n', covered: [
    { file: FUSION, test: 'functions of two arrays, of an array and a number, sums of many, and parts, fused and not' },
  ] },
  { id: 42, name: 'test_fusion: slice, slice_axis, slice_like, broadcast_like', covered: [
    { file: FUSION, test: 'functions of two arrays, of an array and a number, sums of many, and parts, fused and not' },
  ] },
  { id: 43, name: 'test_fusion_compiler_cache', covered: [
    { file: FUSION, test: 'one kernel twice, in two functions, and on another device' },
  ] },
  { id: 44, name: 'test_fusion_boolean_inputs', covered: [
    { file: FUSION, test: 'booleans as input: casts of them, with new axes' },
  ] },
  { id: 45, name: 'test_fusion_different_dimensions', covered: [{ file: FUSION, test: 'one axis, then two' }] },
  { id: 46, name: 'test_input_reorder', covered: [
    { file: FUSION, test: 'inputs keep their places when what uses them is fused' },
  ] },
  { id: 47, name: 'test_fusion_cycle', covered: [
    { file: FUSION, test: 'branches that need parts of each other make no cycle of kernels' },
  ] },
  { id: 48, name: 'symbol.test_eliminate_common_expr', covered: [
    { file: FUSION, test: 'what is computed twice is computed once, and gives the same' },
    { file: 'test/passes/cse.test.ts', test: 'equal computations from different builders become one' },
  ] },
  { id: 49, name: 'memory_opt.test_rnn_cell, test_mlp_attn, test_fc', covered: [
    { file: FUSION, test: `\${name}: computing again in backward changes no gradient, and takes no more memory` },
    { file: 'test/frontend/checkpoint-memory.once.test.ts', test: 'what is inside is not kept: backward of a deep net in a program takes less memory' },
  ] },
  { id: 50, name: 'subgraph_op.test_subgraph_exe1 to 9, subgraph_backend_gluon', covered: [
    { file: FUSION, test: 'a net in parts, some of them compiled, is the whole net: every choice of three parts' },
  ] },
  { id: 51, name: 'numpy_gluon.test_optimize_for', covered: [
    { file: 'test/frontend/gluon/surround.test.ts', test: 'compileFor: the first call finds its program' },
    { file: BLOCK, test: 'hybridized and imperative runs agree in results and gradients' },
  ], note: 'There is one backend for each device, so there is none to choose.' },
  // autograd (test_autograd)
  { id: 52, name: 'unary_func, binary_func, operator_with_state', covered: [
    { file: AUTOGRAD, test: 'gradients by formula: functions of one array and of two, and a layer with parameters' },
    { file: FRONTEND_AUTOGRAD, test: 'gradients of functions agree with finite differences' },
  ] },
  { id: 53, name: 'argnum', covered: [
    { file: AUTOGRAD, test: 'gradients of chosen arguments, of a function that branches on a plain one' },
    { file: FRONTEND_AUTOGRAD, test: 'grad returns new arrays and leaves grad alone' },
  ] },
  { id: 54, name: 'training', covered: [
    { file: AUTOGRAD, test: 'modes nest, and dropout and its gradient follow them' },
  ] },
  { id: 55, name: 'is_train', covered: [
    { file: AUTOGRAD, test: 'modes nest, and dropout and its gradient follow them' },
    { file: FRONTEND_AUTOGRAD, test: 'modes nest and come back after errors' },
  ] },
  { id: 56, name: 'out_grads', covered: [
    { file: AUTOGRAD, test: 'several heads, one of them without a gradient of its own' },
    { file: FRONTEND_AUTOGRAD, test: 'head gradients weigh the heads' },
  ] },
  { id: 57, name: 'detach_updated_grad', covered: [
    { file: AUTOGRAD, test: 'detach stops gradients, and says which gradients are new' },
  ] },
  { id: 58, name: 'retain_graph', covered: [
    { file: FRONTEND_AUTOGRAD, test: 'a second backward needs retainGraph' },
  ] },
  { id: 59, name: 'attach_grad, grad_with_stype', covered: [
    { file: FRONTEND_AUTOGRAD, test: 'write replaces, add accumulates, null skips' },
    { file: FRONTEND_AUTOGRAD, test: 'gradients have the dtype of their arrays, floats of 16 bits too' },
  ], note: 'Arrays and gradients are dense, so there is one storage type.' },
  { id: 60, name: 'function, function1, np_function', covered: [
    { file: AUTOGRAD, test: 'functions of your own: two results, and a chain of five, imperative and hybridized' },
    { file: FRONTEND_AUTOGRAD, test: 'custom functions have the gradient they say' },
  ] },
  { id: 61, name: 'get_symbol', covered: [
    { file: AUTOGRAD, test: 'the recorded history has as many arguments as there are arrays with gradients' },
    { file: 'test/frontend/gluon/surround.test.ts', test: 'what was recorded is a graph' },
  ] },
  { id: 62, name: 'gradient', covered: [
    { file: AUTOGRAD, test: 'the gradient of a gradient: exp(x) + x at 1' },
    { file: FRONTEND_AUTOGRAD, test: 'gradients of gradients, three deep' },
  ] },
  { id: 63, name: 'retain_grad_drop_grad, retain_grad_drop_grad_gluon', covered: [
    { file: AUTOGRAD, test: 'gradients of results in between are kept, then dropped' },
    { file: AUTOGRAD, test: 'gradients inside of blocks and of compiled steps are kept, added up too' },
  ], note: 'retainGrad keeps them; attachGrad begins a new history.' },
  { id: 64, name: 'higher_order_grad.test_*', covered: [
    { file: AUTOGRAD, test: `second derivatives of \${Object.keys(SECOND).length} functions by formula, imperative and in one program` },
    { file: AUTOGRAD, test: 'second derivatives of dense layers, flattening or not, and of dropout' },
  ] },
  { id: 65, name: 'numpy_ndarray.test_boolean_index_autograd', covered: [
    { file: DYNAMIC, test: 'boolean masks: values and gradients, imperative, as they are in NumPy' },
  ] },
];
