namespace MedSegDsl.Kernels;
