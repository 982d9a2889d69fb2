using System.Globalization;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Onnx;

/// <summary>A graph opened on a device. It can run on several threads at the same time.</summary>
internal sealed class OnnxSession : IDisposable
{
    internal const string NotThePart = "It is not the expected part of a Stable Diffusion model.";

    private readonly InferenceSession _session;
    private readonly IDisposable? _used;
    private readonly RunRecorder? _recorder;
    private readonly EngineFolder? _engines;
    private string? _notRecordable;

    private OnnxSession(string path, Device device, InferenceSession session, IDisposable? used, bool recordsRuns)
    {
        _used = used;
        _engines = used as EngineFolder;
        _recorder = recordsRuns ? new RunRecorder(session, device) : null;
        Path = path;
        Device = device;
        _session = session;
        Inputs = Describe(session.InputMetadata);
        OptionalInputs = Describe(session.OverridableInitializerMetadata);
        Outputs = Describe(session.OutputMetadata);
    }

    public string Path { get; }

    public Device Device { get; }

    public IReadOnlyDictionary<string, OnnxValueInfo> Inputs { get; }

    /// <summary>The inputs that have a default value.</summary>
    public IReadOnlyDictionary<string, OnnxValueInfo> OptionalInputs { get; }

    public IReadOnlyDictionary<string, OnnxValueInfo> Outputs { get; }

    /// <summary>Whether a run was stopped since it took too much memory. ONNX Runtime keeps that memory until the session is closed, or <see cref="ReleaseMemory"/> succeeds.</summary>
    public bool WasStoppedForMemory { get; private set; }

    /// <summary>Whether a run failed that used engines of an earlier session. TensorRT does not try others before the session is closed.</summary>
    public bool HasFailedEngines => _engines?.IsFaulty == true;

    /// <summary>Why runs are not recorded, although that is wanted; null if they are, or it is not wanted.</summary>
    public string? RecordingFault => _recorder?.Fault ?? _notRecordable;

    /// <summary>Takes what is to be said of recorded runs since the last call.</summary>
    /// <returns>A sentence without its subject, which is the graph; null for nothing.</returns>
    public string? TakeRecordingNote() => _recorder?.TakeNote();

    /// <summary>Whether it was disposed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Opens a graph.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="device">The device to run it on.</param>
    /// <param name="reordersLayout">Whether weights are rearranged for the CPU's convolutions, which takes a while once and may make runs faster.</param>
    /// <param name="replaced">Weights to use in place of the file's; they are disposed with the session, or at once if it cannot be opened. Null for none.</param>
    /// <param name="plansMemory">As for <see cref="Devices.CreateOptions"/>.</param>
    /// <param name="change">Changes the graph before it is opened: to one with the same weights, and operators that need no check. Null to leave it as it is.</param>
    /// <param name="recordsRuns">Whether runs on the same memory are recorded; null to record those of a graph with a timestep, which runs many times, where that is wanted.</param>
    /// <param name="engines">The folder where TensorRT keeps the graph's engines; it is disposed as <paramref name="replaced"/> is. Null to keep none, and on other devices.</param>
    /// <param name="cancellationToken">Cancels the loading, which can take seconds for a large graph, within seconds.</param>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The graph asks for what no part of a model needs, or ONNX Runtime cannot read or build it.</exception>
    /// <exception cref="InferenceException">Opening it takes more memory than the limit.</exception>
    /// <exception cref="DeviceUnavailableException">The device does not work here.</exception>
    public static OnnxSession Open(string path, Device device, bool reordersLayout = true, ReplacedWeights? replaced = null, bool plansMemory = true, Action<ModelProto>? change = null, bool? recordsRuns = null, EngineFolder? engines = null, CancellationToken cancellationToken = default)
    {
        // Weights are replaced on the processor alone.
        IDisposable? used = (IDisposable?)replaced ?? engines;
        CheckedGraph known;
        byte[]? graph;
        CardFeatures features = default;
        try
        {
            known = Check(path, device, replaced, cancellationToken);
            graph = Change(path, device, change, out bool isFused);
            features = new CardFeatures(isFused, recordsRuns ?? (known.HasTimestep && RunRecorder.IsWanted(device)), ComputesHalf(path, device), engines?.Path);
        }
        catch
        {
            used?.Dispose();
            throw;
        }

        if (!features.RecordsRuns)
            return Load();
        try
        {
            return Load();
        }
        catch (ModelInvalidException error) when (!OnnxFault.IsMemory(error.InnerException))
        {
            // Some of its operators run on the processor, or copy to it.
            features = features with { RecordsRuns = false };
            OnnxSession session = Load();
            session._notRecordable = OnnxFault.Text((error.InnerException ?? error).Message);
            return session;
        }

        OnnxSession Load()
        {
            SessionOptions options;
            try
            {
                options = Prepare(known, device, reordersLayout, replaced, plansMemory, features);
            }
            catch
            {
                used?.Dispose();
                throw;
            }

            if (graph is null)
                return OnnxSession.Load(() => new InferenceSession(path, options), path, device, options, used, features.RecordsRuns, cancellationToken);
            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", System.IO.Path.GetDirectoryName(path)!);
            return OnnxSession.Load(() => new InferenceSession(graph, options), path, device, options, used, features.RecordsRuns, cancellationToken);
        }
    }

    /// <summary>Writes a graph as ONNX Runtime optimizes it for this processor, with weights in the layout of its operators.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="reordersLayout">As for <see cref="Open"/>.</param>
    /// <param name="target">The path of the new graph; its weights are written beside it.</param>
    /// <param name="cancellationToken">Cancels the writing, within seconds.</param>
    /// <inheritdoc cref="Open"/>
    public static void WriteOptimized(string path, bool reordersLayout, string target, CancellationToken cancellationToken)
    {
        SessionOptions options = Prepare(Check(path, Device.Cpu, replaced: null, cancellationToken), Device.Cpu, reordersLayout, replaced: null, plansMemory: true);
        options.OptimizedModelFilePath = target;
        options.AddSessionConfigEntry("session.optimized_model_external_initializers_file_name", System.IO.Path.GetFileName(target) + "_data");
        options.AddSessionConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
        // Only the weights of a graph that packs them.
        options.AddSessionConfigEntry("session.save_external_prepacked_constant_initializers", "1");
        Load(path, path, Device.Cpu, options, used: null, cancellationToken).Dispose();
    }

    /// <summary>Opens a graph that <see cref="WriteOptimized"/> wrote on this processor. Its weights are mapped, not read.</summary>
    /// <param name="optimized">The path of the written graph.</param>
    /// <param name="path">The path of the graph that it was made from, which messages name.</param>
    /// <param name="graph">What is known of that graph.</param>
    /// <param name="used">What the session uses; it is disposed with the session, or at once if it cannot be opened.</param>
    /// <param name="replaced">Weights to use in place of the file's, all of which the optimized graph has kept; they are disposed as <paramref name="used"/> is. Null for none.</param>
    /// <param name="cancellationToken">Cancels the loading.</param>
    /// <inheritdoc cref="Open"/>
    public static OnnxSession OpenOptimized(string optimized, string path, CheckedGraph graph, IDisposable used, ReplacedWeights? replaced, CancellationToken cancellationToken)
    {
        SessionOptions options = Devices.CreateOptions(Device.Cpu);
        options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        PackWeights(options, graph);
        replaced?.AddTo(options);
        return Load(optimized, path, Device.Cpu, options, replaced is null ? used : new UsedBySession(used, replaced), cancellationToken);
    }

    private sealed record UsedBySession(IDisposable Files, ReplacedWeights Weights) : IDisposable
    {
        public void Dispose()
        {
            Weights.Dispose();
            Files.Dispose();
        }
    }

    private static OnnxSession Load(string file, string path, Device device, SessionOptions options, IDisposable? used, CancellationToken cancellationToken) =>
        Load(() => new InferenceSession(file, options), path, device, options, used, recordsRuns: false, cancellationToken);

    private static OnnxSession Load(Func<InferenceSession> open, string path, Device device, SessionOptions options, IDisposable? used, bool recordsRuns, CancellationToken cancellationToken)
    {
        CancellationTokenSource stop = new();
        try
        {
            return NativeCall.Run(Load, stop.Cancel, Discard, cancellationToken);
        }
        catch (OnnxRuntimeException error)
        {
            throw new ModelInvalidException($"The graph '{path}' cannot be opened on {device}: {OnnxFault.OfOpening(error, device)}", error);
        }
        catch (InsufficientMemoryException error)
        {
            throw new InferenceException($"The graph '{path}' cannot be opened on {device}: {Sentence.Of(error)}", error);
        }

        OnnxSession Load()
        {
            using (options)
            {
                // ONNX Runtime looks at the flag between its steps; one of them computes what depends on constants alone.
                using CancellationTokenRegistration registration = stop.Token.UnsafeRegister(
                    static state => ((SessionOptions)state!).SetLoadCancellationFlag(true), options);
                using CardGate.Entry entry = CardGate.Enter(device);
                return new OnnxSession(path, device, open(), used, recordsRuns);
            }
        }

        void Discard(OnnxSession? session)
        {
            session?.Dispose();
            used?.Dispose();
        }
    }

    /// <summary>Changes a graph as it was asked for, and as it suits the device.</summary>
    /// <returns>The graph; null if it is not changed.</returns>
    private static byte[]? Change(string path, Device device, Action<ModelProto>? change, out bool isFused)
    {
        isFused = false;
        bool mayFuse = device.Kind == DeviceKind.Cuda && GraphFile.IsOwn(path);
        if (change is null && !mayFuse)
            return null;

        ModelProto model = GraphFile.Read(path);
        bool fuses = mayFuse && Devices.FusesGroupNorms(device, GraphFile.IsHalf(model.Graph, "Conv"));
        try
        {
            change?.Invoke(model);
            isFused = fuses && ChannelsLast.Apply(model) > 0;
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or IndexOutOfRangeException or KeyNotFoundException)
        {
            // A graph has known operators if this library wrote it, and a file can say so that it did not write.
            throw new ModelInvalidException($"The graph '{path}' cannot be changed: its operators are not those that it should consist of. Get the model again, or import it from its weights.", error);
        }

        return change is null && !isFused ? null : model.ToByteArray();
    }

    /// <summary>Whether TensorRT may compute in 16 bits. It takes the types of a graph for those of its inputs and outputs alone.</summary>
    private static bool ComputesHalf(string path, Device device) =>
        device.Kind == DeviceKind.TensorRt && GraphFile.IsHalf(GraphFile.Read(path).Graph, "Conv", "MatMul", "Gemm");

    private static CheckedGraph Check(string path, Device device, ReplacedWeights? replaced, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
            throw new ModelNotFoundException($"The model has no file '{path}'. Get the model again, or name another one.");

        // A GPU's execution provider ignores weights in the CPU's memory, and only its log says so.
        if (replaced is not null && device.Kind != DeviceKind.Cpu)
            throw new InvalidOperationException($"Weights in memory can be used on the CPU only, and the device is {device}.");

        cancellationToken.ThrowIfCancellationRequested();
        return GraphCheck.Check(path);
    }

    private static SessionOptions Prepare(CheckedGraph graph, Device device, bool reordersLayout, ReplacedWeights? replaced, bool plansMemory, CardFeatures features = default)
    {
        SessionOptions options = Devices.CreateOptions(device, reordersLayout && replaced?.AllowsReordering != false, plansMemory, features);
        if (device.Kind == DeviceKind.Cpu)
            PackWeights(options, graph);
        replaced?.AddTo(options);
        return options;
    }

    private static void PackWeights(SessionOptions options, CheckedGraph graph)
    {
        if (!graph.PacksWeights)
            options.AddSessionConfigEntry("session.disable_prepacking", "1");
    }

    /// <summary>Returns an input of the graph.</summary>
    /// <param name="input">Its name and number of axes.</param>
    /// <exception cref="ModelInvalidException">It does not exist, or has another number of axes.</exception>
    public OnnxValueInfo Input(GraphInput input)
    {
        OnnxValueInfo value = Find(Inputs, "input", [input.Name]);
        return input.Axes is int axes ? WithAxes(axes, value, "input") : value;
    }

    /// <summary>Returns an input of the graph; null if there is none of its name.</summary>
    /// <inheritdoc cref="Input(GraphInput)"/>
    public OnnxValueInfo? FindInput(GraphInput input) => Inputs.ContainsKey(input.Name) ? Input(input) : null;

    /// <summary>Returns the graph's output with the first of these names that exists.</summary>
    /// <exception cref="ModelInvalidException">None of them exists.</exception>
    public OnnxValueInfo Output(params ReadOnlySpan<string> names) => Find(Outputs, "output", names);

    /// <summary>Returns the graph's output with the first of these names that exists, which must have so many axes.</summary>
    /// <param name="axes">The number of axes.</param>
    /// <param name="names">The names.</param>
    /// <exception cref="ModelInvalidException">None of them exists, or it has another number of axes.</exception>
    public OnnxValueInfo Output(int axes, params ReadOnlySpan<string> names) => WithAxes(axes, Output(names), "output");

    /// <summary>Checks the shape of what the graph returned.</summary>
    /// <param name="result">The values of an output.</param>
    /// <param name="output">The output.</param>
    /// <param name="shape">The length of each axis; -1 for any.</param>
    /// <returns>The result.</returns>
    /// <exception cref="ModelInvalidException">It has another shape.</exception>
    public Tensors.Tensor CheckShape(Tensors.Tensor result, OnnxValueInfo output, params ReadOnlySpan<int> shape) => result.HasShape(shape)
        ? result
        : throw new ModelInvalidException(
            $"The graph '{Path}' returned {result} as its output '{output.Name}', not [{string.Join(", ", shape.ToArray().Select(static length => length < 0 ? "any" : length.ToString(CultureInfo.InvariantCulture)))}]. {NotThePart}");

    /// <summary>A text that the graph says about itself. Whoever made it can have written anything.</summary>
    /// <param name="key">Its key.</param>
    /// <returns>The text; null if there is none.</returns>
    public string? FindMetadata(string key) => _session.ModelMetadata.CustomMetadataMap.TryGetValue(key, out string? value) ? value : null;

    /// <summary>Runs the graph once and copies one output.</summary>
    /// <param name="output">The output to compute.</param>
    /// <param name="cancellationToken">Cancels the run at once between two operators, and within about two seconds in any case.</param>
    /// <param name="inputs">The inputs with their memory.</param>
    /// <returns>The output as floats.</returns>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public Tensors.Tensor Run(OnnxValueInfo output, CancellationToken cancellationToken, params ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs) =>
        Run([output], cancellationToken, inputs)[0];

    /// <summary>Runs the graph once and copies several outputs.</summary>
    /// <param name="outputs">The outputs to compute.</param>
    /// <param name="cancellationToken">Cancels the run at once between two operators, and within about two seconds in any case.</param>
    /// <param name="inputs">The inputs with their memory.</param>
    /// <returns>The outputs as floats, in the order of <paramref name="outputs"/>.</returns>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public Tensors.Tensor[] Run(OnnxValueInfo[] outputs, CancellationToken cancellationToken, params ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs)
    {
        string[] names = new string[inputs.Length];
        OrtValue[] values = new OrtValue[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            (names[i], values[i]) = (inputs[i].Info.Name, inputs[i].Buffer.Value);

        RunOptions options = NewRunOptions();
        try
        {
            return Guarded(options, cancellationToken, () => _recorder is null ? Run() : _recorder.RunBeside(options, Run));
        }
        finally
        {
            NativeCall.Release(options);
        }

        Tensors.Tensor[] Run()
        {
            using CardGate.Entry entry = CardGate.Enter(Device);
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(options, names, values, [.. outputs.Select(output => output.Name)]);
            return results.Select(OnnxBuffer.ToTensor).ToArray();
        }
    }

    /// <summary>
    /// Gives back the memory that ONNX Runtime keeps of earlier runs, by a run that is as small as possible. If one was stopped
    /// since it took too much, its end is waited for.
    /// </summary>
    /// <param name="output">The output to compute.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <param name="input">The input with its memory.</param>
    /// <remarks>Where ONNX Runtime has no memory of its own to give back, nothing happens.</remarks>
    public void ReleaseMemory(OnnxValueInfo output, CancellationToken cancellationToken, (OnnxValueInfo Info, OnnxBuffer Buffer) input)
    {
        // What is recorded names memory that would be given back.
        if (_recorder is not null)
            return;
        if (WasStoppedForMemory)
            NativeCall.WaitForLeftAlone(cancellationToken);
        using RunOptions options = NewRunOptions();
        options.AddRunConfigEntry("memory.enable_memory_arena_shrinkage", Device.Kind is DeviceKind.Cuda or DeviceKind.TensorRt ? $"cpu:0;gpu:{Device.Index}" : "cpu:0");
        try
        {
            using CardGate.Entry entry = CardGate.Enter(Device);
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(options, [input.Info.Name], [input.Buffer.Value], [output.Name]);
            WasStoppedForMemory = false;
        }
        catch (OnnxRuntimeException)
        {
            // A session that was stopped is closed after its use then.
        }
    }

    /// <summary>Allocates memory that this graph writes and another one on the same device reads. It lies on an NVIDIA card, if they run on one.</summary>
    /// <param name="output">The output.</param>
    /// <param name="shape">The length of each of its axes.</param>
    /// <returns>The memory; only on the processor it has <see cref="OnnxBuffer.Values"/>. Dispose it before the session.</returns>
    /// <exception cref="InferenceException">There is not enough memory.</exception>
    public OnnxBuffer AllocateShared(OnnxValueInfo output, params ReadOnlySpan<int> shape)
    {
        if (Device.Kind is not (DeviceKind.Cuda or DeviceKind.TensorRt))
            return new OnnxBuffer(output.ElementType, shape);
        try
        {
            OrtAllocator allocator = _recorder?.CreateAllocator() ?? DeviceCopies.CreateAllocator(_session, Device);
            using CardGate.Entry entry = CardGate.Enter(Device);
            return new OnnxBuffer(allocator, output.ElementType, shape);
        }
        catch (OnnxRuntimeException error)
        {
            throw Failed(error);
        }
    }

    /// <summary>Binds memory to the inputs and one output of a graph that runs many times on the same memory.</summary>
    public OnnxCall Bind((OnnxValueInfo Info, OnnxBuffer Buffer) output, params ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs) =>
        Bind([output], inputs);

    /// <summary>Binds memory to the inputs and several outputs of a graph that runs many times on the same memory.</summary>
    /// <exception cref="InferenceException">The device has not enough memory for the inputs.</exception>
    public OnnxCall Bind((OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, params ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs)
    {
        if (_recorder is not null)
        {
            RunOptions options = NewRunOptions();
            return new OnnxCall(this, options, _recorder.Bind(options, outputs, inputs.ToArray(), out IDisposable? own), own);
        }

        OrtIoBinding binding = _session.CreateIoBinding();
        try
        {
            // Inputs are copied to a device with memory of its own.
            using CardGate.Entry entry = CardGate.Enter(Device);
            foreach ((OnnxValueInfo info, OnnxBuffer buffer) in inputs)
                binding.BindInput(info.Name, buffer.Value);
            foreach ((OnnxValueInfo info, OnnxBuffer buffer) in outputs)
                binding.BindOutput(info.Name, buffer.Value);
        }
        catch (OnnxRuntimeException error)
        {
            binding.Dispose();
            throw Failed(error);
        }

        return new OnnxCall(this, binding, [.. outputs.Select(static output => output.Buffer)], Device.Kind == DeviceKind.Cpu ? null : new BoundInputs(inputs.ToArray()));
    }

    public void Dispose()
    {
        IsClosed = true;
        NativeCall.Release(_recorder);
        NativeCall.Release(new CardGate.Kept(Device, _session));
        NativeCall.Release(_used);
    }

    internal static RunOptions NewRunOptions() => new()
    {
        // Errors are thrown as exceptions; ONNX Runtime would print them to the standard error stream as well.
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
    };

    internal void RunBound(RunOptions options, OrtIoBinding binding) => _session.RunWithBinding(options, binding);

    /// <summary>Runs with cancellation passed on to ONNX Runtime within a limit of memory, and its errors converted to those of this library.</summary>
    internal T Guarded<T>(RunOptions options, CancellationToken cancellationToken, Func<T> run)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return NativeCall.Run(run, () => options.Terminate = true, cancellationToken);
        }
        catch (OnnxRuntimeException error)
        {
            InferenceException failed = Failed(error);
            if (_engines is not { HasEngines: true } || OnnxFault.IsMemory(error))
                throw failed;

            // Engines are read in a run: those of graphs for any size. What is bound to this session cannot go on with another one.
            _engines.MarkFaulty();
            throw new InferenceException($"{failed.Message} It used engines that TensorRT had built in an earlier session; they are deleted, and built anew when the graph is opened again. Try again.", error);
        }
        catch (InsufficientMemoryException error)
        {
            WasStoppedForMemory = true;
            throw new InferenceException($"The graph '{Path}' was stopped while it ran on {Device}: {Sentence.Of(error)}", error);
        }
    }

    private InferenceException Failed(OnnxRuntimeException error) => new($"The graph '{Path}' failed while it ran on {Device}: {OnnxFault.OfRunning(error, Device)}", error);

    private OnnxValueInfo Find(IReadOnlyDictionary<string, OnnxValueInfo> values, string kind, ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (!values.TryGetValue(name, out OnnxValueInfo? info))
                continue;
            return OnnxBuffer.Supports(info.ElementType)
                ? info
                : throw new ModelInvalidException($"The {kind} '{name}' of the graph '{Path}' has the type {info.ElementType}, which is not supported. Export it with float32 or float16.");
        }

        throw new ModelInvalidException(
            $"The graph '{Path}' has no {kind} named {string.Join(" or ", names.ToArray())}; it has {(values.Count == 0 ? "none" : string.Join(", ", values.Keys))}. {NotThePart}");
    }

    private OnnxValueInfo WithAxes(int axes, OnnxValueInfo value, string kind) => value.Rank == axes
        ? value
        : throw new ModelInvalidException($"The {kind} '{value.Name}' of the graph '{Path}' has {value.Rank} axes, not {axes}. {NotThePart}");

    private static Dictionary<string, OnnxValueInfo> Describe(IReadOnlyDictionary<string, NodeMetadata> metadata)
    {
        Dictionary<string, OnnxValueInfo> values = new(StringComparer.Ordinal);
        foreach ((string name, NodeMetadata node) in metadata)
        {
            if (node.IsTensor)
                values.Add(name, new OnnxValueInfo(name, node.ElementDataType, node.Dimensions));
        }

        return values;
    }
}
