//! Error classification: maps messages of libtorch to [`ModelError`] by their words.

use super::ModelError;

/// Out of memory, as each allocator words it: libtorch's for CUDA and for CPUs, the C++ library's, CUDA's, and those of
/// the libraries that allocate on their own.
const MEMORY: [&str; 12] = [
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "Cannot allocate memory",
    "std::bad_alloc",
    "cudaErrorMemoryAllocation",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
    "CUSPARSE_STATUS_ALLOC_FAILED",
    "CUFFT_ALLOC_FAILED",
];

/// Library failures that leave the device usable. Most of them hide a lack of memory: a handle or a workspace did not
/// fit. The others depend on the batch size, or are transient.
const LIBRARY: [&str; 14] = [
    "CUBLAS_STATUS_",
    "CUDNN_STATUS_",
    "CUDNN_BACKEND_",
    "cuDNN error",
    "valid cuDNN algorithm",
    "valid convolution algorithms available in CuDNN",
    "unable to find an engine",
    "CUSOLVER_STATUS_",
    "CUSPARSE_STATUS_",
    "cuFFT error",
    "could not create a primitive",
    "could not execute a primitive",
    "invalid configuration argument",
    "too many resources requested for launch",
];

/// All other CUDA errors: the driver answers every later call of this process with the same error.
const DEVICE: [&str; 8] = [
    "CUDA error",
    "CUDA driver error",
    "HIP error",
    "NCCL error",
    "device-side assert",
    "No CUDA GPUs are available",
    "Found no NVIDIA driver",
    "CUDA unknown error",
];

impl ModelError {
    /// Classifies a message of libtorch, from an error or a panic.
    ///
    /// A message that fits several kinds belongs to the first: libraries report through CUDA, and all may lack memory.
    #[must_use]
    pub fn from_message(message: String) -> Self {
        // A stack trace follows: its names of functions and libraries do not count.
        let said = message.split("Exception raised from").next().unwrap_or_default();
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        if says(&MEMORY) {
            Self::OutOfMemory(message)
        } else if says(&LIBRARY) {
            Self::LibraryFailed(message)
        } else if says(&DEVICE) {
            Self::DeviceLost(message)
        } else {
            Self::Failed(message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Kind = fn(String) -> ModelError;

    /// Messages of libtorch, its libraries and the C++ runtime; numbers and addresses shortened.
    const MESSAGES: [(&str, Kind); 46] = [
        (
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.12 GiB \
             is free.",
            ModelError::OutOfMemory,
        ),
        (
            "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 4.00 GiB total capacity; 3.46 GiB already allocated)",
            ModelError::OutOfMemory,
        ),
        ("CUDA out of memory. Tried to allocate more than 1EB memory.", ModelError::OutOfMemory),
        ("Allocation on device 0 would exceed allowed memory. (out of memory)", ModelError::OutOfMemory),
        (
            "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
            ModelError::OutOfMemory,
        ),
        (
            "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia.com/cuda/",
            ModelError::OutOfMemory,
        ),
        ("CUDA driver error: out of memory", ModelError::OutOfMemory),
        ("CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY", ModelError::OutOfMemory),
        ("cudaErrorMemoryAllocation: out of memory", ModelError::OutOfMemory),
        ("cudaMalloc failed with cudaErrorMemoryAllocation", ModelError::OutOfMemory),
        (
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            ModelError::OutOfMemory,
        ),
        (
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasLtMatmul( ltHandle, computeDesc.descriptor())`",
            ModelError::OutOfMemory,
        ),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", ModelError::OutOfMemory),
        (
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED\nException raised from operator() at ../aten/src/ATen/native/cudnn/\
             Conv_v8.cpp:620",
            ModelError::OutOfMemory,
        ),
        (
            "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
            ModelError::OutOfMemory,
        ),
        ("cuFFT error: CUFFT_ALLOC_FAILED", ModelError::OutOfMemory),
        ("HIP out of memory. Tried to allocate 512.00 MiB.", ModelError::OutOfMemory),
        (
            "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to \
             allocate 103079215104 bytes. Error code 12 (Cannot allocate memory)",
            ModelError::OutOfMemory,
        ),
        (
            "[enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory: you tried to allocate 9 \
             bytes.",
            ModelError::OutOfMemory,
        ),
        ("std::bad_alloc", ModelError::OutOfMemory),
        (
            "unable to mmap 1048576 bytes from file </dev/shm/torch>: Cannot allocate memory (12)",
            ModelError::OutOfMemory,
        ),
        // Handles are made when they are first needed, and need some memory that libtorch's allocator knows nothing of.
        (
            "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
            ModelError::LibraryFailed,
        ),
        ("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", ModelError::LibraryFailed),
        (
            "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED\nException raised from createCuDNNHandle at ../aten/src/ATen/\
             cudnn/Handle.cpp:9",
            ModelError::LibraryFailed,
        ),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", ModelError::LibraryFailed),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", ModelError::LibraryFailed),
        ("cuDNN error: CUDNN_STATUS_MAPPING_ERROR", ModelError::LibraryFailed),
        (
            "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contiguous input.",
            ModelError::LibraryFailed,
        ),
        (
            "cuDNN Frontend error: [cudnn_frontend] Error: CUDNN_BACKEND_API_FAILED: the plan failed",
            ModelError::LibraryFailed,
        ),
        ("Unable to find a valid cuDNN algorithm to run convolution", ModelError::LibraryFailed),
        ("no valid convolution algorithms available in CuDNN", ModelError::LibraryFailed),
        ("FIND was unable to find an engine to execute this computation", ModelError::LibraryFailed),
        ("GET was unable to find an engine to execute this computation", ModelError::LibraryFailed),
        (
            "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, m, n, k, &alpha)`",
            ModelError::LibraryFailed,
        ),
        (
            "CUDA error: CUBLAS_STATUS_INTERNAL_ERROR when calling `cublasGemmEx( handle, opa, opb, m, n, k)`",
            ModelError::LibraryFailed,
        ),
        ("cuFFT error: CUFFT_INTERNAL_ERROR", ModelError::LibraryFailed),
        ("could not create a primitive descriptor for a matmul primitive", ModelError::LibraryFailed),
        ("CUDA error: invalid configuration argument", ModelError::LibraryFailed),
        ("CUDA error: an illegal memory access was encountered", ModelError::DeviceLost),
        (
            "CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
            ModelError::DeviceLost,
        ),
        ("CUDA error: unspecified launch failure", ModelError::DeviceLost),
        ("CUDA error: uncorrectable ECC error encountered", ModelError::DeviceLost),
        ("No CUDA GPUs are available", ModelError::DeviceLost),
        (
            "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)\nException raised from addmm_out_cuda_impl at ../\
             aten/src/ATen/native/cuda/Blas.cpp:250\nframe #3: cuDNN error, CUDA error, out of memory",
            ModelError::Failed,
        ),
        ("index out of range in self", ModelError::Failed),
        ("panicked: a shape does not fit", ModelError::Failed),
    ];

    #[test]
    fn every_message_of_libtorch_has_its_kind() {
        for (message, kind) in MESSAGES {
            for message in [
                message.to_owned(),
                format!("Internal torch error: {message}"),
                format!("panicked: {message}"),
            ] {
                assert_eq!(ModelError::from_message(message.clone()), kind(message));
            }
        }
    }
}
