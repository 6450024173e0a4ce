/**
 * Why: rows 66 to 129 of what MXNet's tests demand: blocks, layers, recurrent networks, loops, training, data, tools.
 *
 * Invariant: ids ascend without a hole.
 */
import type { Covering, Row } from './rows.ts';

const inFile =
  (file: string) =>
  (...tests: readonly string[]): readonly Covering[] =>
    tests.map((test) => ({ file: `test/${file}.test.ts`, test }));

const blocks = inFile('acceptance/blocks');
const files = inFile('acceptance/files');
const layers = inFile('acceptance/layers');
const recurrent = inFile('acceptance/rnn');
const controlFlow = inFile('acceptance/control-flow');
const training = inFile('acceptance/training');
const runtime = inFile('acceptance/runtime');

const amp = inFile('frontend/gluon/amp');
const block = inFile('frontend/gluon/block');
const clip = inFile('frontend/gluon/clip');
const control = inFile('frontend/control');
const data = inFile('frontend/gluon/data');
const devices = inFile('frontend/gluon/devices.once');
const exported = inFile('frontend/gluon/export.once');
const init = inFile('frontend/gluon/init');
const loss = inFile('frontend/gluon/loss.more');
const nn = inFile('frontend/gluon/nn');
const nnMore = inFile('frontend/gluon/nn.more');
const norm = inFile('frontend/gluon/nn.norm');
const optimizers = inFile('frontend/gluon/optimizers');
const rnn = inFile('frontend/gluon/rnn');
const save = inFile('frontend/gluon/save.once');
const surround = inFile('frontend/gluon/surround');
const trainer = inFile('frontend/gluon/trainer');
const mxnetFiles = inFile('frontend/io/mxnet.once');
const npy = inFile('frontend/io/npy.once');

/** Names that are made of a table of cases, as they stand in the source. */
const FIXTURE = `\${name}\${hybrid ? ', hybridized' : ''}`;
const layersOfPyTorch = inFile('frontend/gluon/nn.fixtures')(FIXTURE);
const moreLayersOfPyTorch = inFile('frontend/gluon/nn.more.fixtures')(FIXTURE);
const smooth = nn(
  `\${name}: gradients are the limits of differences, also of gradients`,
  `\${name}: hybridized is imperative, in training and in prediction`,
);
const smoothToo = nnMore(`\${name}: gradients, also of gradients; hybridized is imperative`);
const loops = control(
  `\${name}: hybridized is imperative, with gradients`,
  `\${name}: second derivatives are those of imperative loops, compiled apart and as a whole`,
);

export const lastRows: readonly Row[] = [
  {
    id: 66,
    name: 'parameter, parameter_invalid_access, parameter_str',
    covered: [
      ...blocks(
        'a parameter on two devices has values and gradients on each, and shows what it is',
      ),
      ...files('a net moves to other devices, compiled or not, and knows the values it had'),
      ...devices(
        'setData, zeroGrad and cast are for all copies',
        'arrays on other devices, and lists that do not go together, are errors that say what to do',
      ),
    ],
  },
  {
    id: 67,
    name: 'constant',
    covered: [
      ...blocks('a constant takes part in the program and no trainer moves it'),
      ...surround('constants are used, moved and kept, and never trained'),
    ],
  },
  {
    id: 68,
    name: 'parameter_sharing, shared_parameters_with_non_default_initializer',
    covered: [
      ...blocks(
        'tied weights are one array, whatever initializer each layer has, and learn from all their uses',
      ),
      ...files('tied layers go through files into nets that tie them otherwise, or not'),
      ...surround('parameters are shared between blocks, compiled ones too'),
    ],
  },
  {
    id: 69,
    name: 'collect_parameters',
    covered: blocks('parameters are chosen by patterns that match from the start of their names'),
  },
  {
    id: 70,
    name: 'basic',
    covered: [
      ...blocks('nested rows: freezing takes gradients away and gives them back'),
      ...surround('setattr freezes what can have gradients; rates of all parameters'),
    ],
  },
  {
    id: 71,
    name: 'deferred_init, fill_shape_deferred, fill_shape_load',
    covered: [
      ...files('sizes that nobody has told come from the file, for nets that never saw an input'),
      ...nn('sizes are learnt from the first input, imperative or hybridized'),
      ...block('shapes are learnt at the first call, also when that call is traced'),
    ],
  },
  {
    id: 72,
    name: 'block_attr_hidden, _block, _param, _regular, _list_of_block',
    covered: blocks(
      'attributes: blocks in lists, maps and objects are members, what replaces one is one at the next call',
    ),
    note: 'That an attribute keeps its kind is left to the type checker, and lists of blocks are members, so there is nothing to warn of.',
  },
  {
    id: 73,
    name: 'sequential, sequential_warning',
    covered: [
      ...blocks('rows: positions, slices that share their layers, and one program or many'),
      ...inFile('frontend/gluon/nn.container')(
        'containers: children by number, added, counted, iterated, named',
      ),
    ],
    note: 'A plain row of hybrid blocks is compiled block by block, so hybridizing it is no mistake to warn of.',
  },
  {
    id: 74,
    name: 'save_load, save_load_deduplicate_with_shared_params',
    covered: [
      ...block(
        'parameters go to a file and come back, by name',
        'a file that does not fit is refused whole, with every difference named',
      ),
      ...save('shared parameters are written once, and found under any of their names'),
      ...files('values come from arrays by name, and from files of MXNet'),
    ],
  },
  {
    id: 75,
    name: 'gluon_param_load, gluon_param_load_dtype_source',
    covered: [
      ...save('dtypes: refused, converted, or taken over'),
      ...block(
        'a block of float32 takes parameters of 16 bits as they are; one of 16 bits takes no others',
      ),
    ],
  },
  {
    id: 76,
    name: 'export, import',
    covered: exported(
      'files say what they are',
      `the same results, gradients, draws and statistics; batch \${batch}\${compiled ? ', hybridized' : ''}`,
      'as a part of another net, in a hybridized step',
    ),
  },
  {
    id: 77,
    name: 'numpy_gluon.net_symbol_save_load',
    covered: files(
      'several inputs that are indexed, several outputs: the exported net gives them all',
    ),
  },
  {
    id: 78,
    name: 'dtype',
    covered: [
      ...files('a net casts after it was compiled, computes in the new dtype, and casts back'),
      ...nn('layers keep the dtype of their input and follow cast()'),
    ],
  },
  {
    id: 79,
    name: 'zero_grad',
    covered: blocks('gradients of all parameters are set to zero, on all devices'),
  },
  {
    id: 80,
    name: 'hook, op_hook_output_names, apply, summary',
    covered: [
      ...surround(
        `hooks see the arrays of every call: \${mode}`,
        'op hooks get every array that functions make, by name, hybridized or not',
        'blocks as text, and summaries of hybridized nets',
      ),
      ...blocks('apply visits every block once, children first'),
    ],
  },
  {
    id: 81,
    name: 'global_norm_clip',
    covered: clip(
      'arrays are scaled together to the norm, and left alone below it',
      'a norm that is not finite changes nothing, and warns when asked to',
    ),
  },
  {
    id: 82,
    name: 'split_data, split_data_np',
    covered: [
      ...blocks('splitting data: even parts, parts that differ by one, any axis'),
      ...devices('a batch that does not split evenly is an error unless allowed'),
    ],
  },
  {
    id: 83,
    name: 'no_memory_leak_in_gluon',
    covered: runtime('a net that was trained, compiled and hooked is freed when it is dropped'),
  },
  {
    id: 84,
    name: 'np_shape_parameters',
    covered: blocks('sizes that an input has none of: empty batches, and layers of no inputs'),
    note: 'A size of 0 in a declared shape means that it is learnt, and the first input may make it a real 0.',
  },
  {
    id: 85,
    name: 'thread_local.test_createblock, blockscope, symbol',
    covered: runtime('modes, seeds and names of blocks belong to their thread'),
  },
  {
    id: 86,
    name: 'conv, conv_nhwc, deconv, deconv_dilation, group_conv2d_16c',
    covered: [
      ...layersOfPyTorch,
      ...moreLayersOfPyTorch,
      ...layers(
        'a convolution in groups of 16 channels is one convolution for each group, gradients too',
        'a dilated transposed convolution is the gradient of the convolution',
      ),
      ...nnMore(
        'channels last: the same parameters, the same numbers',
        'sizes of transposed convolutions undo those of convolutions',
      ),
    ],
  },
  {
    id: 87,
    name: 'pool',
    covered: [
      ...layersOfPyTorch,
      ...moreLayersOfPyTorch,
      ...nn('pools: the first of equal maxima gets the gradient of a window; global ones share it'),
      ...nnMore('pooling by name: kinds, and one window over everything'),
    ],
  },
  {
    id: 88,
    name: 'batchnorm, batchnorm_backward_synchronization, sync_batchnorm',
    covered: [
      ...layersOfPyTorch,
      ...norm(
        `BatchNorm keeps running statistics: \${how}`,
        'BatchNorm: fixed factor, offset and statistics',
      ),
      ...devices('BatchNorm normalizes each part; running statistics are saved as their mean'),
      ...nnMore('batch norms: synchronized is plain on one device, with a rectifier it is fused'),
    ],
    note: 'SyncBatchNorm trains on one device; on several it is an error instead of statistics of the parts.',
  },
  {
    id: 89,
    name: 'layernorm, groupnorm, instancenorm',
    covered: [...layersOfPyTorch, ...moreLayersOfPyTorch, ...smoothToo],
  },
  {
    id: 90,
    name: 'embedding',
    covered: [
      ...layersOfPyTorch,
      ...nn('Embedding: gradients of repeated rows add up', 'Embedding: wrong indices are refused'),
      ...layers(
        'a large table: rows at its end are found, and gradients are those of the rows that were read',
      ),
    ],
    note: 'Gradients are dense: rows that were not read hold zeros.',
  },
  {
    id: 91,
    name: 'dropout',
    covered: [
      ...nn('Dropout: the right share, scaled; nothing in prediction; axes share their draw'),
      ...smooth,
    ],
  },
  {
    id: 92,
    name: 'activations, lambda, identity, concatenate, pixelshuffle1d/2d/3d, reflectionpad',
    covered: [
      ...layersOfPyTorch,
      ...moreLayersOfPyTorch,
      ...layers('pixels are shuffled into space along one, two and three axes'),
      ...nnMore('blocks side by side, parts of rows, names of methods'),
      ...inFile('frontend/gluon/nn.container')(
        'functions as blocks: Lambda may read values, also inside a compiled net',
      ),
    ],
  },
  {
    id: 93,
    name: 'reshape_conv, slice_conv, reshape_dense_slice_dense, … (36 cases)',
    covered: [
      ...nnMore(`\${name} takes views: hybridized is imperative`),
      ...layers(`views feed \${name} twice over, reshaped and sliced in any order`),
    ],
  },
  {
    id: 94,
    name: 'DeformableConvolution, ModulatedDeformableConvolution',
    covered: [
      ...layers('deformable convolutions learn hybridized as imperative, and start as plain ones'),
      ...moreLayersOfPyTorch,
    ],
  },
  {
    id: 95,
    name: 'gluon_model_zoo.test_models',
    skipped:
      'There is no model zoo: nets are written with the layers of tigon/nn, and trained ones come from files or as exported programs.',
  },
  {
    id: 96,
    name: 'rnn, lstm, gru, lstmp',
    covered: recurrent(
      `\${name}: names of parameters, sizes learnt from the input, shapes of outputs and states`,
    ),
  },
  {
    id: 97,
    name: 'rnn_cells, stack, hybridstack, bidirectional, residual, zoneout, vardrop',
    covered: [
      ...recurrent(
        `\${name}: names of parameters, sizes learnt from the input, shapes of outputs and states`,
        'a stack that draws in training learns the same imperative and compiled',
      ),
      ...rnn(
        `\${name}: unrolled, imperative and hybridized, is what its steps are`,
        'both directions: the way back starts at the end of each sample',
        'zoneout keeps, variational dropout drops the same channels in all steps',
      ),
    ],
  },
  {
    id: 98,
    name: 'rnn_layers_fp32, rnn_layers_fp16, fused_layer',
    covered: [
      ...recurrent(
        `\${kind} of two layers in \${dtype} is a stack of its cells: values and gradients`,
      ),
      ...rnn(`\${name}, \${way}: outputs, states and gradients are PyTorch's`),
    ],
  },
  {
    id: 99,
    name: 'rnn_unroll_variant_length, bidirectional_unroll_valid_length',
    covered: [
      ...rnn(
        'a sequence ends at its length: outputs behind it are 0, states are those of its last step',
        'both directions: the way back starts at the end of each sample',
        `\${name}, \${way}: outputs, states and gradients are PyTorch's`,
      ),
    ],
  },
  {
    id: 100,
    name: 'rnn_cells_export_import',
    covered: files(`recurrent cells, exported and imported: \${name}`),
  },
  {
    id: 101,
    name: 'unroll',
    covered: recurrent(
      'unrolling by a loop is unrolling step by step, in both layouts, with gradients',
    ),
  },
  {
    id: 102,
    name: 'layer_fill_shape, cell_fill_shape, convlstm, convgru',
    covered: [
      ...recurrent(
        'sizes of layers and cells are learnt from the first input, or given',
        'convolutional cells of all ranks unroll hybridized as by hand',
      ),
    ],
  },
  {
    id: 103,
    name: 'contrib_control_flow: foreach, foreach_nested, foreach_with_unkown_dim',
    covered: [
      ...loops,
      ...controlFlow(
        'one loop over sequences of several lengths and widths, with what it captures',
        'blocks and loops inside bodies: parameters, names and captured arrays are found at any depth',
      ),
    ],
  },
  {
    id: 104,
    name: 'while_loop_for_foreach, while_loop_nested',
    covered: [
      ...controlFlow(
        'a while that counts is the loop over a sequence',
        'a while in a while: as many inner steps as the outer one says',
      ),
      ...loops,
    ],
  },
  {
    id: 105,
    name: 'cond',
    covered: [
      ...controlFlow('branches: the one that the values choose, with its gradient, in one program'),
      ...control('nothing flows out of the branch that is not taken, not even NaN'),
    ],
  },
  {
    id: 106,
    name: 'gluon_control_flow: while_loop_simple_forward',
    covered: control(
      'steps after the end of a while change nothing, and give no NaN',
      'a while that never runs',
    ),
  },
  {
    id: 107,
    name: 'cut_subgraph_foreach, _while_loop, _cond, uniq_name, scope',
    covered: controlFlow(
      'blocks and loops inside bodies: parameters, names and captured arrays are found at any depth',
    ),
  },
  {
    id: 108,
    name: 'output_format_foreach, _while, _cond',
    covered: controlFlow('results in any structure: lists, objects, one array, nothing'),
  },
  {
    id: 109,
    name: 'gluon_control_flow.rnn',
    covered: controlFlow('recurrent cells are bodies of loops'),
  },
  {
    id: 110,
    name: 'loss_ndarray, bce_equal_ce2, logistic_loss_equal_bce, ctc_loss, sdml, cosine, poisson',
    covered: [
      ...inFile('frontend/gluon/loss.fixtures')(FIXTURE),
      ...inFile('frontend/gluon/loss.more.fixtures')(FIXTURE),
      ...training(
        'the cross-entropy of yes and no is that of two classes, with gradients',
        'connectionist losses have the values of MXNet',
        'pairs that belong together come together by the smoothed deep metric loss',
      ),
      ...loss('the logistic loss is the cross-entropy of yes and no'),
    ],
  },
  {
    id: 111,
    name: 'metric: acc, ce, binary/multiclass/multilabel_f1, mcc, pcc, pearsonr, perplexity',
    covered: inFile('frontend/gluon/metric.more')(
      `\${name}: the definition, over batches of any size, imperative and hybridized`,
      'correlations far from 0 do not cancel',
    ),
  },
  {
    id: 112,
    name: 'optimizer: sgd, nag, adam, adamW, lamb, lars, ftrl, rms, … (29)',
    covered: [
      ...inFile('frontend/gluon/optim')(
        `\${name} \${JSON.stringify(options)} \${compiled ? 'in a hybridized step' : 'eager'}: ten steps as PyTorch`,
      ),
      ...optimizers(
        `\${optimizer().name} is its formulas\${compiled ? ', in a hybridized step' : ''}`,
        'Langevin noise has the variance of the rate, follows the seed, and is new at each step',
        'with multiPrecision, small steps of a parameter of 16 bits add up, also after setData',
      ),
      ...training('with multiPrecision, every optimizer does to 16 bits what it does to 32'),
      ...trainer(
        'an eager step is one program of as few kernels as can be, whatever the number of parameters',
      ),
    ],
  },
  {
    id: 113,
    name: 'factor, multifactor, poly, cosine_scheduler',
    covered: inFile('frontend/lr-scheduler.once')(
      `rates: \${name}`,
      'a compiled step follows the schedule without being compiled anew',
    ),
  },
  {
    id: 114,
    name: '(1.x) test_init: default_init, variable_init, aux_init, bilinear_init',
    covered: [
      ...init(
        'patterns of names choose; the rule of names; values that are there',
        'bilinear: an enlarging convolution interpolates',
      ),
      ...nn('parameters start as told'),
    ],
  },
  {
    id: 115,
    name: 'trainer, trainer_save_load, trainer_reset_kv, trainer_lr_sched',
    covered: [
      ...devices(
        `\${optimizer}, \${hybrid ? 'hybridized' : 'imperative'}: two devices with half a batch each give the parameters of one with all of it, to 2e-5`,
        'parameters and trainer states go through files: from two devices to one and back',
      ),
      ...trainer('saved states go on as if training had not stopped'),
      ...inFile('frontend/lr-scheduler.once')(
        'a compiled step follows the schedule without being compiled anew',
      ),
    ],
    note: 'There is no store between trainer and devices that could be reset.',
  },
  {
    id: 116,
    name: 'gluon_trainer_param_order, trainer_share_parameters, trainer_allreduce_hybridsequential',
    covered: [
      ...training(
        'a trainer keeps parameters in their order, each once, and sums gradients of all devices',
        'nets that share parameters are updated once by their trainers',
      ),
      ...devices('gradients can be summed apart from the update, and changed in between'),
    ],
  },
  {
    id: 117,
    name: 'kvstore: single/list_kv_pair, aggregator, updater; kvstore_custom.*',
    skipped:
      'There are no key-value stores: trainers sum gradients over the devices of a process themselves (allreduceGrads), by way of the devices where they can.',
  },
  {
    id: 118,
    name: 'gluon_estimator, event_handler (11 + 8)',
    skipped:
      'There is no Estimator: a training loop is a few lines around one hybridized step, with metrics, schedules and saved states to be called from it.',
  },
  {
    id: 119,
    name: 'numpy_ndarray.np_ndarray_indexing, boolean_index_*, numpy_op.* (200)',
    covered: [
      ...inFile('frontend/arrays/indexing')('indexing'),
      ...inFile('frontend/arrays/elementwise')('elementwise'),
      ...inFile('frontend/arrays/reductions')('reductions'),
      ...inFile('frontend/arrays/shapes')('shapes'),
      ...inFile('frontend/arrays/products')('products'),
      ...inFile('frontend/arrays/gradients.once')(`\${name}: gradients`, `\${name}: hybridized`),
    ],
  },
  {
    id: 120,
    name: 'np_save_load_ndarrays, ndarray_legacy_load, save_load_empty',
    covered: [
      ...runtime('arrays without elements and without axes go through every kind of file'),
      ...mxnetFiles(
        'nd.save and nd.load: what a file is shows in how it begins',
        'old versions are read',
        'lists, all dtypes, arrays without axes or elements',
      ),
      ...npy('what is written is read back'),
    ],
  },
  {
    id: 121,
    name: 'numpy_interoperability.*, dlpack, mixed_array_types_share_memory',
    covered: [
      ...runtime(
        'numbers come from typed arrays and iterables of other programs, and go back as such',
      ),
      ...npy('NumPy reads what is written, and writes what is read'),
      ...inFile('frontend/arrays/errors.once')('views share memory, copies do not'),
    ],
    note: 'JavaScript has no DLPack: other programs meet here in typed arrays, which are copied, and in files.',
  },
  {
    id: 122,
    name: 'gluon_data: sampler, datasets, multi_worker*, dataset_filter/shard/take, batchify_*, mx_data_loader_nopython',
    covered: [
      ...data(
        'a sample is the rows of all columns, or of the only one',
        'a pass in order; what the last batch does',
        'shuffling: every sample once, a new order each pass, the same for the same seed',
        'samplers of your own',
        'transform, transformFirst, take and filter',
        'batchify of your own, also asynchronous, ahead of use and in order',
      ),
      ...runtime('shards of a dataset are disjoint, whole together, and as even as can be'),
    ],
    note: 'Batches are made ahead of use on the thread of the loop or by asynchronous functions; there are no worker processes and no ready-made padding of samples.',
  },
  {
    id: 123,
    name: 'exc_handling: exc_imperative, exc_multiple_waits, exc_post_fail, multiple_waitalls',
    covered: [
      ...runtime(
        'after an error everything goes on: arrays, modes, programs and random numbers are as they were',
      ),
      ...inFile('runtime/webgpu-life')(
        'errors of the driver that nobody expects fail the next wait, once',
        'a lost device fails what waits for it and every later call',
      ),
      ...inFile('runtime/cuda-life')(
        'a kernel that fails loses the device: later calls say so, and what to do',
      ),
      ...inFile('runtime/cpu')(
        'a trap in a kernel is an error, on this thread or another, and the device goes on',
      ),
    ],
  },
  {
    id: 124,
    name: 'engine.test_bulk',
    covered: runtime(
      'long chains of updates in place give exact results, imperative and in programs',
    ),
  },
  {
    id: 125,
    name: 'random.* (generators)',
    covered: [
      ...inFile('frontend/random/families')(
        'continuous distributions pass the test of Kolmogorov and Smirnov',
        'counts pass the chi-square test',
        'every distribution draws the same on every device, imperative or compiled',
      ),
      ...inFile('frontend/random/sampling')(
        'a device may have a sequence of its own',
        'orders have every position once; rows stay whole',
        'counts of categories have the right sum and means',
      ),
      ...runtime("classes by Zipf's law come as often as they are said to"),
    ],
  },
  {
    id: 126,
    name: 'infer_shape.* (16), infer_type.*',
    covered: [
      ...runtime('shapes and dtypes are told without running, and from parts of what is known'),
      ...surround('inferShape tells shapes without running'),
    ],
    note: 'Sizes flow from inputs to parameters; from outputs back to inputs they do not, as there are no symbols without inputs.',
  },
  {
    id: 127,
    name: 'profiler.* (16), viz.*, runtime.*',
    covered: [
      ...inFile('explain/explain')(
        'explains a block: graphs, kernels with bytes, refusals, memory, and the lines it came from',
        'pictures: DOT text for every program, SVG by Graphviz',
      ),
      ...inFile('runtime/webgpu-life')('a profile times each kernel'),
      ...inFile('runtime/cuda-life')('a profile times each kernel'),
      ...inFile('cli/main')(
        'devices lists the CPU, the adapters of WebGPU and the cards of CUDA, or how to get one',
      ),
      ...surround('what was recorded is a graph'),
    ],
    note: 'Kernels are timed on GPUs; of the CPU, reports say what each kernel computes and moves.',
  },
  {
    id: 128,
    name: 'gpu/test_amp: fp16_basic_use, fp16_offline_casting(_shared_params), fp16_test_node_excluding, amp_conversion_rnn',
    covered: [
      ...training(
        'a recurrent net computes in 16 bits once it is converted, but for what is excluded, and trains',
        'shared parameters are cast once, and stay shared',
      ),
      ...amp(
        'a converted net has its policy wherever it is called, but for what is excluded',
        'gradients are those of float32 but for rounding, parameters stay in float32',
        'lists of names, parts without a policy, and the whole program',
      ),
    ],
  },
  {
    id: 129,
    name: 'quantization: quantize_gluon_with_forward, get_optimal_thresholds',
    skipped:
      'Nets are not quantized to 8-bit integers: the small formats to compute in are float16 and bfloat16, through tigon/amp.',
  },
];
