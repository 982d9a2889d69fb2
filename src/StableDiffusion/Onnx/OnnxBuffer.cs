using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace StableDiffusion.Onnx;

/// <summary>
/// The memory of one input or output of a graph. Callers read and write floats; if the graph uses another element type, the
/// buffer has a second array of that type and converts between the two.
/// </summary>
internal sealed class OnnxBuffer : IDisposable
{
    // An image of 64 megapixels has 0.2 billion values.
    private const long MostElements = 1 << 28;

    private readonly Array? _native;
    private readonly OrtAllocator? _allocator;

    /// <summary>Creates a buffer with its own array of zeros.</summary>
    public OnnxBuffer(TensorElementType elementType, params ReadOnlySpan<int> shape)
        : this(new Tensors.Tensor(shape), elementType)
    {
    }

    /// <summary>Creates a buffer over a tensor's array, which is not copied if the graph uses floats.</summary>
    public OnnxBuffer(Tensors.Tensor tensor, TensorElementType elementType)
    {
        Values = tensor.Values;
        ElementType = elementType;
        long[] dimensions = [.. tensor.Shape.Select(length => (long)length)];
        (_native, Value) = elementType switch
        {
            TensorElementType.Float => (null, OrtValue.CreateTensorValueFromMemory(Values, dimensions)),
            TensorElementType.Float16 => Staged(new Float16[Values.Length], dimensions),
            TensorElementType.Double => Staged(new double[Values.Length], dimensions),
            TensorElementType.Int64 => Staged(new long[Values.Length], dimensions),
            TensorElementType.Int32 => Staged(new int[Values.Length], dimensions),
            _ => throw new ModelInvalidException($"The graph has inputs or outputs of the type {elementType}, which is not supported. Export it with float32 or float16."),
        };
        Upload();
    }

    /// <summary>Creates a buffer in the memory of a device, which only graphs can read and write: it has no <see cref="Values"/>.</summary>
    /// <param name="allocator">Gives the memory; disposed with the buffer.</param>
    /// <param name="elementType">The type of its elements.</param>
    /// <param name="shape">The length of each axis.</param>
    public OnnxBuffer(OrtAllocator allocator, TensorElementType elementType, params ReadOnlySpan<int> shape)
    {
        _allocator = allocator;
        Values = [];
        ElementType = elementType;
        Value = OrtValue.CreateAllocatedTensorValue(allocator, elementType, [.. shape.ToArray().Select(length => (long)length)]);
    }

    /// <summary>The values as floats. Call <see cref="Upload"/> after writing, <see cref="Download"/> before reading.</summary>
    public float[] Values { get; }

    public OrtValue Value { get; }

    /// <summary>Whether it is in the memory of a device, and has no <see cref="Values"/>.</summary>
    public bool IsOnDevice => _allocator is not null;

    /// <summary>The element type of the graph's input or output.</summary>
    public TensorElementType ElementType { get; }

    /// <summary>How often the values of the graph's type were written, by <see cref="Upload"/> or by a graph.</summary>
    public int Written { get; private set; }

    public int[] Shape => [.. Value.GetTensorTypeAndShape().Shape.Select(length => (int)length)];

    /// <summary>The values of a row, where the first axis is that of rows.</summary>
    /// <param name="row">The index of the row.</param>
    public Span<float> Row(int row)
    {
        int length = Values.Length / (int)Value.GetTensorTypeAndShape().Shape[0];
        return Values.AsSpan(row * length, length);
    }

    /// <summary>Whether floats can be converted to the elements of an input, or from those of an output.</summary>
    public static bool Supports(TensorElementType elementType) =>
        elementType is TensorElementType.Float or TensorElementType.Float16 or TensorElementType.Double or TensorElementType.Int64 or TensorElementType.Int32;

    /// <summary>Creates a buffer of integers, such as token ids, in the integer type that the graph uses.</summary>
    public static OnnxBuffer FromIntegers(ReadOnlySpan<int> integers, TensorElementType elementType, params ReadOnlySpan<int> shape)
    {
        // Ids are below 2^24, so floats represent them exactly.
        OnnxBuffer buffer = new(elementType, shape);
        TensorPrimitives.ConvertChecked(integers, buffer.Values);
        buffer.Upload();
        return buffer;
    }

    /// <summary>Converts the written floats to the graph's type. Call it after every writing, also where the graph uses floats.</summary>
    public void Upload()
    {
        NoteWriting();
        switch (_native)
        {
            case Float16[] halves:
                TensorPrimitives.ConvertToHalf(Values, MemoryMarshal.Cast<Float16, Half>(halves.AsSpan()));
                break;
            case double[] doubles:
                TensorPrimitives.ConvertTruncating<float, double>(Values, doubles);
                break;
            case long[] longs:
                TensorPrimitives.ConvertTruncating<float, long>(Values, longs);
                break;
            case int[] integers:
                TensorPrimitives.ConvertTruncating<float, int>(Values, integers);
                break;
        }
    }

    /// <summary>Converts the graph's output to floats.</summary>
    public void Download()
    {
        switch (_native)
        {
            case Float16[] halves:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<Float16, Half>(halves.AsSpan()), Values);
                break;
            case double[] doubles:
                TensorPrimitives.ConvertTruncating<double, float>(doubles, Values);
                break;
            case long[] longs:
                TensorPrimitives.ConvertTruncating<long, float>(longs, Values);
                break;
            case int[] integers:
                TensorPrimitives.ConvertTruncating<int, float>(integers, Values);
                break;
        }
    }

    /// <summary>Notes that a graph wrote its output here.</summary>
    public void NoteWriting() => Written++;

    public void Dispose() => NativeCall.Release(_allocator is null ? Value : new DeviceMemory(Value, _allocator));

    /// <summary>Copies a value that ONNX Runtime allocated into a tensor.</summary>
    public static Tensors.Tensor ToTensor(OrtValue value)
    {
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        if (info.ElementCount > MostElements)
            throw new ModelInvalidException($"The graph has an output of the shape [{string.Join(", ", info.Shape)}], which is larger than any part of a model makes. {OnnxSession.NotThePart}");
        Tensors.Tensor tensor = new([.. info.Shape.Select(length => (int)length)]);
        switch (info.ElementDataType)
        {
            case TensorElementType.Float:
                value.GetTensorDataAsSpan<float>().CopyTo(tensor.Span);
                break;
            case TensorElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<Float16, Half>(value.GetTensorDataAsSpan<Float16>()), tensor.Span);
                break;
            case TensorElementType.Double:
                TensorPrimitives.ConvertTruncating(value.GetTensorDataAsSpan<double>(), tensor.Span);
                break;
            case TensorElementType.Int64:
                TensorPrimitives.ConvertTruncating(value.GetTensorDataAsSpan<long>(), tensor.Span);
                break;
            case TensorElementType.Int32:
                TensorPrimitives.ConvertTruncating(value.GetTensorDataAsSpan<int>(), tensor.Span);
                break;
            default:
                throw new ModelInvalidException($"The graph has an output of the type {info.ElementDataType}, which is not supported. Export it with float32 or float16.");
        }

        return tensor;
    }

    /// <summary>Memory of a device, and what gave it.</summary>
    private sealed record DeviceMemory(OrtValue Value, OrtAllocator Allocator) : IDisposable
    {
        public void Dispose()
        {
            Value.Dispose();
            Allocator.Dispose();
        }
    }

    private static (Array Native, OrtValue Value) Staged<T>(T[] native, long[] dimensions)
        where T : unmanaged => (native, OrtValue.CreateTensorValueFromMemory(native, dimensions));
}
