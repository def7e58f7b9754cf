/* Tensors and labelled data in files of other programs: PyTorch's torch.save in both of its formats, numpy's .npy and
 * .npz, safetensors. The content of a file decides how it is read, never its ending. Nothing in a file is ever
 * executed, and no file makes the reader take more memory than 256 MiB or 100 times its own size. */
#ifndef INNERLOOP_IO_H
#define INNERLOOP_IO_H

#include "shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files that are mapped while they are used ---- */
/* Data sets, weights and tensors are read out of files where they lie, and who makes such a file shorter takes its end away: what
 * reads there gets the signal SIGBUS. IL_ERROR_FILE with a sentence when a file that is open with this context has become
 * shorter than it was. il_train and il_evaluate call it before they begin and before what they made of the file is kept. */
IL_API il_status il_files_check(il_context *context);
/* The path of the file that is mapped at an address; NULL: none of ours. Made for a program's own handler of SIGBUS, given
 * si_addr: it takes no lock and allocates nothing. */
IL_API const char *il_file_mapped(const void *address);

/* One tensor: dense, last dimension fastest, in this machine's byte order. Dimensions of 0 are possible. */
typedef struct il_tensor {
  const char *name; /* as in the file */
  il_type type;     /* any il_type */
  il_shape shape;   /* [] for one number */
  const void *data; /* row-major */
} il_tensor;

/* All tensors of a file under the names that lead to them:
 *   a dict's key is the name itself, as in a state dict: "layer1.weight"
 *   a dict in a dict joins keys with a point:            "optimizer.step"
 *   element i of a list or tuple:                        "[0][1]", "batches[3].inputs"
 *   an object's attribute like a key:                    "tensors[0]" of a TensorDataset
 *   a file that is one bare tensor:                      "tensor"
 * Python's numbers in a PyTorch file come as tensors of rank 0 (int: i64, float: f64, bool), lists of them as
 * tensors of rank 1; texts and None are left out. */
typedef struct il_tensors il_tensors;
/* PATH, or FILE:KEY where no file is called so: what stands under that key of FILE ("train.x" comes as "x"). NULL
 * after an error that names the file and what was found in it; of a file of pickled Python objects it names
 * the first class or function that is none of tensors, parameters, state dicts, TensorDatasets, lists, tuples
 * and dicts of them, and how to save instead. */
IL_API il_tensors *il_tensors_open(il_context *context, const char *path);
IL_API void il_tensors_close(il_tensors *tensors); /* NULL does nothing */
/* How many tensors there are. */
IL_API int il_tensors_count(const il_tensors *tensors);
IL_API const il_tensor *il_tensors_at(const il_tensors *tensors,
                                      int index); /* in the file's order */
IL_API const il_tensor *il_tensors_find(const il_tensors *tensors,
                                        const char *name); /* NULL: none */
/* "PyTorch zip" "PyTorch stream" "npz" "npy" "safetensors" */
IL_API const char *il_tensors_format(const il_tensors *tensors);
/* How many texts and Nones were left out; an array of texts counts as one. */
IL_API int il_tensors_left_out(const il_tensors *tensors);

/* An array of texts, such as numpy's '<U7'; UTF-8. Its elements in a row, whatever its dimensions. */
typedef struct il_texts {
  const char *name;        /* as in the file */
  int64_t count;           /* how many texts there are */
  const char *const *text; /* [count] */
} il_texts;
/* Those of a file of numpy's, which are no tensors of it. */
IL_API int il_tensors_texts(const il_tensors *tensors);
/* The index-th list of texts, from 0. */
IL_API const il_texts *il_tensors_texts_at(const il_tensors *tensors, int index);
IL_API const il_texts *il_tensors_texts_find(const il_tensors *tensors,
                                             const char *name); /* NULL: none */

IL_API bool il_tensor_is_real(const il_tensor *tensor); /* f16, bf16, f32 or f64 */
/* The elements as reals (f32 or f64), each the nearest one; bools become 0 and 1. */
IL_API void il_tensor_reals(const il_tensor *tensor, il_type real, void *reals);

/* The formats of files of tensors. */
typedef enum il_file_format {
  IL_FILE_TORCH = 1,       /* torch.load(…, weights_only=True) opens it */
  IL_FILE_NPZ = 2,         /* no bf16: numpy has no such type */
  IL_FILE_NPY = 3,         /* exactly one tensor */
  IL_FILE_SAFETENSORS = 4, /* every type */
} il_file_format;
/* By ending: .pth .pt, .npz, .npy, .safetensors; 0 for another one. */
IL_API il_file_format il_file_format_of(const char *path);
/* Atomic; equal content gives equal bytes. For IL_FILE_TORCH names become what they came from (above): indexes
 * lists, keys dicts, a sole "tensor" a bare tensor; points in names stay in the keys, as in a state dict. */
IL_API il_status il_tensors_write(il_context *context, const char *path, il_file_format format,
                                  int count, const il_tensor *tensor);

/* A labelled data set out of a file of any of the formats: all its batches one after the other. */
typedef struct il_labelled {
  int64_t count;    /* examples */
  il_shape example; /* of one input, as in the file: [features] or an image */
  void *inputs;     /* [count, example…] in `real` */
  il_type stored;   /* type of the inputs in the file: u8 pixels were not scaled */
  il_shape target;  /* of one target; rank 0: one number per example */
  void *targets;    /* [count, target…] in `real` */
  int32_t *labels;  /* [count] where the targets are one whole number per example, else NULL */
  int32_t largest;  /* label; -1 without labels */
  il_type real;     /* type of the numbers */
  bool
      channels_first; /* out of a PyTorch file: images are [c,h,w], signals [c,t]; others write [h,w,c], [t,c] */
} il_labelled;
/* Takes a list of (inputs, targets), such a pair itself, a dict of them (inputs, x, data, images, features; targets,
 * y, labels, target, label), lists of such dicts, dicts of lists of batches, a TensorDataset; nested in any way. Inputs
 * [n, …], targets [n] or [n, …]; a pair of one example, whose targets are a single number, is a batch of one.
 * Another structure, batches of different shapes or numbers of examples that differ are refused by name; so is a file
 * with several sets under keys such as train and test, of which the path has to name one: FILE:KEY.
 * real: IL_FLOAT32 or IL_FLOAT64. NULL after an error. */
IL_API il_labelled *il_labelled_read(il_context *context, const char *path, il_type real);
IL_API il_labelled *il_labelled_of(il_context *context, const char *path, const il_tensors *file,
                                   il_type real);    /* the same, of an open file */
IL_API void il_labelled_free(il_labelled *labelled); /* NULL does nothing */
/* Turns images [c,h,w] into the engine's [h,w,c], signals [c,t] into [t,c], and updates example; other ranks stay. Whether
 * [c,t] is a signal, or a grey image [h,w] that is to stay as it is, only the caller knows. */
IL_API il_status il_labelled_channels_last(il_context *context, il_labelled *labelled);

#ifdef __cplusplus
}
#endif
#endif
