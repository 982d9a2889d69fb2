using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>An axis of an input or output: a fixed length, or a name for a variable length.</summary>
internal readonly struct Dimension
{
    private readonly string? _name;
    private readonly long _length;

    private Dimension(string? name, long length)
    {
        _name = name;
        _length = length;
    }

    public static implicit operator Dimension(string name) => new(name, 0);

    public static implicit operator Dimension(int length) => new(null, length);

    public TensorShapeProto.Types.Dimension ToProto() => _name is null
        ? new TensorShapeProto.Types.Dimension { DimValue = _length }
        : new TensorShapeProto.Types.Dimension { DimParam = _name };
}
