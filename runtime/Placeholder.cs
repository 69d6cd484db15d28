namespace MedSegDsl.Runtime;
