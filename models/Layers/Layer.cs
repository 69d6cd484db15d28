using static TorchSharp.torch;

namespace MedSegDsl.Models;

/// <summary>
/// A module that names its parameters and children itself, so that state-dict names are those of the published code and
/// not those of C# fields, and that says how each parameter starts. A layer computes in the element type of its input:
/// with a bf16 input its float32 parameters are cast on the way.
/// </summary>
public abstract class Layer<TInput, TResult>(string name) : nn.Module<TInput, TResult>(name), IStarts
{
    private readonly List<(string Name, Start Start)> starts = [];

    /// <inheritdoc />
    public IReadOnlyList<(string Name, Start Start)> Starts => starts;

    /// <summary>
    /// Adds a trainable parameter; its values are undefined until <see cref="Initialiser"/> fills them.
    /// </summary>
    protected void AddParameter(string parameter, Start start, params long[] shape)
    {
        var values = nn.Parameter(empty(shape, dtype: ScalarType.Float32));
        values.DetachFromDisposeScope();
        register_parameter(parameter, values);
        starts.Add((parameter, start));
    }

    /// <summary>Adds a tensor that is saved with the weights and not trained.</summary>
    protected void AddBuffer(string buffer, Tensor values) => register_buffer(buffer, values.DetachFromDisposeScope());

    /// <summary>Adds a child under the name that its parameters' names begin with.</summary>
    protected T Add<T>(string child, T module) where T : nn.Module
    {
        register_module(child, module);
        return module;
    }

    /// <summary>
    /// Adds a module at a path of names, <c>stages.0.blocks.1</c>; parts of the path that are not there yet only name.
    /// </summary>
    protected T AddAt<T>(string path, T module) where T : nn.Module
    {
        var parts = path.Split('.');
        nn.Module owner = this;
        foreach (var part in parts[..^1])
        {
            var there = owner.named_children().FirstOrDefault(child => child.name == part).module;
            if (there is null)
            {
                there = new NamePart();
                owner.register_module(part, there);
            }

            owner = there;
        }

        owner.register_module(parts[^1], module);
        return module;
    }

    /// <summary>
    /// The parameter of this name. Looked up on every use, since moving a module replaces its parameters.
    /// </summary>
    protected Tensor Get(string parameter) => ParameterUse.Of(_internal_params[parameter]);

    /// <summary>The parameter of this name, whose shape and type are looked at and nothing else.</summary>
    protected Tensor Peek(string parameter) => _internal_params[parameter];

    /// <summary>The parameter of this name in the element type of another tensor.</summary>
    protected Tensor Get(string parameter, Tensor like) => Cast(Get(parameter), like.dtype);

    /// <summary>The buffer of this name.</summary>
    protected Tensor Buffer(string buffer) => _internal_buffers[buffer].Item1;

    /// <summary>A tensor in an element type; the tensor itself where it has that type.</summary>
    protected static Tensor Cast(Tensor tensor, ScalarType type) => tensor.dtype == type ? tensor : tensor.to(type);

    /// <summary>Nothing: TorchSharp would register fields a second time under their C# names.</summary>
    protected override void RegisterComponents() { }
}
