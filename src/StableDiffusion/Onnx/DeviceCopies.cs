using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using StableDiffusion.Onnx.Graphs.Format;
using DataType = StableDiffusion.Onnx.Graphs.Format.TensorProto.Types.DataType;

namespace StableDiffusion.Onnx;

/// <summary>
/// Memory of a device, and copies of values to and from it. Each copy is a run of a graph that returns its input, since ONNX
/// Runtime copies values only when a graph runs or is bound. Not thread-safe.
/// </summary>
/// <param name="device">The device.</param>
internal sealed class DeviceCopies(Device device) : IDisposable
{
    private const string Input = "input";
    private const string Output = "output";

    private readonly Dictionary<TensorElementType, InferenceSession> _sessions = [];
    private OrtAllocator? _allocator;
    private readonly RunOptions _options = OnnxSession.NewRunOptions();

    /// <summary>Allocates memory of the device that is not used for anything else.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="shape">The length of each axis.</param>
    public OrtValue Allocate(TensorElementType type, params int[] shape)
    {
        _allocator ??= CreateAllocator();
        return OrtValue.CreateAllocatedTensorValue(_allocator, type, [.. shape.Select(static length => (long)length)]);
    }

    /// <summary>Creates an allocator of the same memory, for values that others release.</summary>
    public OrtAllocator CreateAllocator() => CreateAllocator(Session(TensorElementType.Float), device);

    /// <summary>Creates an allocator of a session's memory on its device.</summary>
    /// <param name="session">The session.</param>
    /// <param name="device">The device.</param>
    public static OrtAllocator CreateAllocator(InferenceSession session, Device device)
    {
        using OrtMemoryInfo place = new(device.Kind == DeviceKind.Cpu ? "Cpu" : "Cuda", OrtAllocatorType.ArenaAllocator, device.Index, OrtMemType.Default);
        return new OrtAllocator(session, place);
    }

    /// <summary>Copies a value, and waits until it is copied.</summary>
    /// <param name="from">The value.</param>
    /// <param name="to">Memory for as many elements of that type.</param>
    /// <param name="type">The type of the elements.</param>
    public void Copy(OrtValue from, OrtValue to, TensorElementType type)
    {
        InferenceSession session = Session(type);
        using OrtIoBinding binding = session.CreateIoBinding();
        binding.BindInput(Input, from);
        binding.BindOutput(Output, to);
        session.RunWithBinding(_options, binding);
    }

    /// <summary>Releases the memory; the values must be released before.</summary>
    public void Dispose()
    {
        _allocator?.Dispose();
        foreach (InferenceSession session in _sessions.Values)
            session.Dispose();
        _options.Dispose();
    }

    private InferenceSession Session(TensorElementType type)
    {
        if (_sessions.TryGetValue(type, out InferenceSession? known))
            return known;

        ModelProto model = new()
        {
            IrVersion = 8,
            OpsetImport = { new OperatorSetIdProto { Version = 17 } },
            Graph = new GraphProto
            {
                Name = "copy",
                Input = { Any(Input) },
                Output = { Any(Output) },
                Node = { new NodeProto { OpType = "Identity", Input = { Input }, Output = { Output } } },
            },
        };
        using SessionOptions options = Devices.CreateOptions(device);
        InferenceSession session = new(Google.Protobuf.MessageExtensions.ToByteArray(model), options);
        _sessions.Add(type, session);
        return session;

        // The numbers of the types are the same.
        ValueInfoProto Any(string name) => new() { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (DataType)(int)type } } };
    }
}
