namespace MedSegDsl.Models;
