using TorchSharp;
using static TorchSharp.torch;

namespace MedSegDsl.Kernels;

/// <summary>What every operator with a backward pass of its own needs around it, so that no tensor outlives its use.</summary>
internal static class CustomBackward
{
    [ThreadStatic]
    private static List<Tensor>? handedOver;

    /// <summary>Whether the CPU's own kernels can take these tensors: all of float32, all on the CPU.</summary>
    public static bool IsForCpu(params ReadOnlySpan<Tensor?> inputs)
    {
        foreach (var input in inputs)
        {
            if (input is not null && (input.dtype != ScalarType.Float32 || input.device_type != DeviceType.CPU))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Whether any of these needs a gradient now: else an operator skips its autograd node.</summary>
    public static bool IsNeeded(params ReadOnlySpan<Tensor?> inputs)
    {
        if (!torch.is_grad_enabled())
        {
            return false;
        }
        foreach (var input in inputs)
        {
            if (input is { requires_grad: true })
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>
    /// A parameter as an operator should take it: libtorch copies a leaf's gradient where somebody else holds it, as
    /// TorchSharp holds all that a backward pass returns, one small copy for each parameter. A view in between gives
    /// libtorch a tensor of its own on the way back.
    /// </summary>
    public static Tensor? Viewed(Tensor? parameter) => parameter is { requires_grad: true, is_leaf: true } ? parameter.view(parameter.shape) : parameter;

    /// <summary>
    /// Runs a backward pass in a dispose scope of its own. TorchSharp keeps its handles on the gradients that a pass
    /// returns until the step's scope ends, though libtorch has taken them over: here they are let go when the thread's
    /// next backward pass begins, so that a step does not hold the gradients of every layer at once.
    /// </summary>
    /// <param name="gradient">The gradient of the result; disposed.</param>
    /// <param name="pass">Gives the inputs' gradients, null where there is none.</param>
    public static List<Tensor> Run(Tensor gradient, Func<List<Tensor?>> pass)
    {
        handedOver?.ForEach(tensor => tensor.Dispose());
        using var scope = NewDisposeScope();
        using (gradient)
        {
            var gradients = pass();
            handedOver = gradients.OfType<Tensor>().Select(tensor => tensor.MoveToOuterDisposeScope()).ToList();
            return gradients!;
        }
    }
}
