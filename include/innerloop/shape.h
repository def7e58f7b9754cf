/* What arrays are: element types, shapes, windows of convolutions and pools; no graph. */
#ifndef INNERLOOP_SHAPE_H
#define INNERLOOP_SHAPE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { IL_MAX_RANK = 8 }; /* dimensions of an array, at most */

/* The type of an array's elements. */
typedef enum il_type {
  IL_FLOAT32 = 1, /* float */
  IL_FLOAT64 = 2, /* double */
  IL_INT32 = 3,   /* indices and labels */
  IL_UINT8 = 4,   /* images as they are stored; only inputs, il_cast turns them into reals */
  /* Types of files alone (io.h): no graph takes them. */
  IL_FLOAT16 = 5,
  IL_BFLOAT16 = 6, /* the upper half of a float32 */
  IL_INT8 = 7,     /* int8_t */
  IL_INT16 = 8,    /* int16_t */
  IL_INT64 = 9,    /* int64_t */
  IL_BOOL = 10,    /* one byte */
} il_type;

/* The dimensions of an array, outermost first. */
typedef struct il_shape {
  int rank;                 /* dimensions; 0: one number */
  int64_t dim[IL_MAX_RANK]; /* [rank] of them hold */
} il_shape;

/* A shape of these dimensions (IL_SHAPE writes it shorter). */
IL_API il_shape il_shape_of(int rank, const int64_t *dim);
/* [], of one element. */
IL_API il_shape il_shape_scalar(void);
IL_API int64_t il_shape_count(il_shape shape); /* product of the dimensions */
/* Whether ranks and dimensions are equal. */
IL_API bool il_shape_equal(il_shape a, il_shape b);
IL_API size_t il_type_size(il_type type);      /* bytes of an element */
IL_API const char *il_type_name(il_type type); /* "f32" "i64" "bf16" "bool" … */

/* il_shape s = IL_SHAPE(5, 28, 28, 1); a scalar is il_shape_scalar(). */
#ifdef __cplusplus
extern "C++" {
template <class... Dimension> il_shape il_shape_list(Dimension... dim) {
  const int64_t all[] = {static_cast<int64_t>(dim)...};
  return il_shape_of(static_cast<int>(sizeof...(dim)), all);
}
}
#define IL_SHAPE(...) il_shape_list(__VA_ARGS__)
#else
#define IL_SHAPE(...)                                                                              \
  il_shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#endif

/* What a convolution or a pooling moves over a picture. */
typedef struct il_window {
  int32_t kernel[2];   /* height, width; il_conv2d takes them from its weights */
  int32_t stride[2];   /* >= 1 */
  int32_t pad_low[2];  /* rows above, columns left */
  int32_t pad_high[2]; /* rows below, columns right */
  int32_t dilation[2]; /* >= 1 */
  int32_t groups;      /* >= 1; divides channels */
} il_window;
/* Square window; dilation 1, groups 1. */
IL_API il_window il_window_square(int kernel, int stride, int pad);

#ifdef __cplusplus
}
#endif
#endif
