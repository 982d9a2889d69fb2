using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Storage;

namespace StableDiffusion.Onnx;

/// <summary>
/// Runs a graph on an NVIDIA card by CUDA graphs: the first run of a size is recorded, and later ones start all of its work at
/// once, in place of one operator after another. Thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// See the section on CUDA graphs of ONNX Runtime's page on its CUDA provider. What is recorded names the memory that it reads and
/// writes, also memory that the session has given back and uses for other runs, and belongs to a thread. So all runs are made by
/// one thread, those that are not recorded too, and what outlives a run is in memory apart from that of the session.
/// </para>
/// <para>The first runs of each size are made in both ways. If the results differ, nothing is recorded any more.</para>
/// </remarks>
internal sealed class RunRecorder : IDisposable
{
    /// <summary>The environment variable that turns recording on.</summary>
    public const string Variable = "STABLEDIFFUSION_CUDA_GRAPHS";

    private const string IdOption = "gpu_graph_id";
    private const string NotRecorded = "-1";

    // Each keeps memory on the card.
    private const int MostSizes = 4;

    private const int CheckedRuns = 2;

    // Of the largest value: sums are taken in another order in each run.
    private const float Tolerance = 0.01f;

    private static readonly Limit s_wanted = new(Variable, 0);

    private readonly InferenceSession _session;
    private readonly DeviceCopies _copies;
    private readonly Dictionary<string, Recording> _recordings = new(StringComparer.Ordinal);
    private readonly HashSet<Recording> _own = [];
    private readonly BlockingCollection<Task> _work = [];

    /// <summary>Initializes the recorder.</summary>
    /// <param name="session">The graph; it must be opened with <c>enable_cuda_graph</c>.</param>
    /// <param name="device">Its device.</param>
    public RunRecorder(InferenceSession session, Device device)
    {
        _session = session;
        _copies = new DeviceCopies(device);
        new Thread(Work) { IsBackground = true, Name = nameof(RunRecorder) }.Start();
    }

    /// <summary>Why runs are not recorded any more; null if they are.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether runs are to be recorded on a device.</summary>
    /// <param name="device">The device.</param>
    /// <exception cref="InvalidSettingException">The environment variable does not hold a whole number above 0.</exception>
    public static bool IsWanted(Device device) => device.Kind == DeviceKind.Cuda && s_wanted.Value > 0;

    /// <summary>Creates an allocator of memory on the device that no recorded run names.</summary>
    public OrtAllocator CreateAllocator() => OnThread(_copies.CreateAllocator);

    /// <summary>Makes a run that is not recorded, apart from those that are.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="run">Runs the graph.</param>
    /// <returns>What it returns.</returns>
    public T RunBeside<T>(RunOptions options, Func<T> run)
    {
        options.AddRunConfigEntry(IdOption, NotRecorded);
        return OnThread(run);
    }

    /// <summary>Makes a function that runs the graph. It is recorded if its values are in memory of the processor, unless the graph already ran with too many other sizes.</summary>
    /// <param name="options">The options of the runs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="own">What only this function uses; null for nothing.</param>
    /// <returns>The function.</returns>
    public Func<bool> Bind(RunOptions options, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs, out IDisposable? own)
    {
        Recording recording;
        own = null;
        lock (_recordings)
        {
            string size = string.Join(';', inputs.Concat(outputs).Select(static value => $"{value.Info.Name}:{string.Join(',', value.Buffer.Shape)}"));
            bool mayRecord = Fault is null && !outputs.Concat(inputs).Any(static value => value.Buffer.IsOnDevice);
            if (mayRecord && (_recordings.Count < MostSizes || _recordings.ContainsKey(size)))
            {
                _recordings.TryAdd(size, new Recording(this, (_recordings.Count + 1).ToString(CultureInfo.InvariantCulture)));
                recording = _recordings[size];
            }
            else
            {
                own = recording = new Recording(this, NotRecorded);
                _own.Add(recording);
            }
        }

        return () => OnThread(() => recording.Run(options, outputs, inputs));
    }

    /// <summary>Releases the memory. No run may be under way.</summary>
    public void Dispose()
    {
        lock (_recordings)
        {
            if (_work.IsAddingCompleted)
                return;
            Recording[] all = [.. _recordings.Values, .. _own];
            _own.Clear();
            OnThread(() =>
            {
                foreach (Recording recording in all)
                    recording.Release();
                _copies.Dispose();
                return true;
            });
            _work.CompleteAdding();
        }
    }

    /// <summary>Releases what a function used that <see cref="Bind"/> made, unless that is done.</summary>
    private void Release(Recording recording)
    {
        lock (_recordings)
        {
            if (!_own.Remove(recording))
                return;
            OnThread(() =>
            {
                recording.Release();
                return true;
            });
        }
    }

    private T OnThread<T>(Func<T> function)
    {
        Task<T> task = new(function);
        _work.Add(task);
        return task.GetAwaiter().GetResult();
    }

    private void Work()
    {
        foreach (Task task in _work.GetConsumingEnumerable())
            task.RunSynchronously(TaskScheduler.Default);
    }

    /// <summary>What is recorded for one size of the inputs, and the memory that it names.</summary>
    /// <param name="recorder">The recorder.</param>
    /// <param name="id">The number of what is recorded, or that which stands for nothing.</param>
    private sealed class Recording(RunRecorder recorder, string id) : IDisposable
    {
        private readonly List<OrtValue> _allocated = [];
        private OrtIoBinding? _binding;
        private OrtValue[] _inputs = [];
        private OrtValue[] _outputs = [];

        // What was copied to each input.
        private (OnnxBuffer? Buffer, int Written)[] _copied = [];
        private int _checked;

        public bool Run(RunOptions options, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            if (_binding is null)
                Allocate(outputs, inputs);
            for (int i = 0; i < inputs.Length; i++)
            {
                (OnnxBuffer Buffer, int Written) now = (inputs[i].Buffer, inputs[i].Buffer.Written);
                if (_copied[i] == now || now.Buffer.IsOnDevice)
                    continue;
                recorder._copies.Copy(now.Buffer.Value, _inputs[i], now.Buffer.ElementType);
                _copied[i] = now;
            }

            if (recorder.Fault is not null || id == NotRecorded || _checked == CheckedRuns)
                RunOnce(options, recorder.Fault is null ? id : NotRecorded, outputs);
            else
                RunTwice(options, outputs);
            return true;
        }

        public void Dispose() => recorder.Release(this);

        /// <summary>Releases the memory, on the thread of the runs.</summary>
        public void Release()
        {
            _binding?.Dispose();
            foreach (OrtValue value in _allocated)
                value.Dispose();
        }

        private void Allocate((OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            OrtIoBinding binding = recorder._session.CreateIoBinding();
            _allocated.ForEach(static value => value.Dispose());
            _allocated.Clear();
            _inputs = [.. inputs.Select(input => Memory(input.Buffer))];
            _outputs = [.. outputs.Select(output => Memory(output.Buffer))];
            for (int i = 0; i < inputs.Length; i++)
                binding.BindInput(inputs[i].Info.Name, _inputs[i]);
            for (int i = 0; i < outputs.Length; i++)
                binding.BindOutput(outputs[i].Info.Name, _outputs[i]);
            _copied = new (OnnxBuffer?, int)[inputs.Length];
            _binding = binding;

            OrtValue Memory(OnnxBuffer buffer)
            {
                if (buffer.IsOnDevice)
                    return buffer.Value;
                OrtValue memory = recorder._copies.Allocate(buffer.ElementType, buffer.Shape);
                _allocated.Add(memory);
                return memory;
            }
        }

        private void RunOnce(RunOptions options, string kind, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs)
        {
            options.AddRunConfigEntry(IdOption, kind);
            recorder._session.RunWithBinding(options, _binding!);
            for (int i = 0; i < outputs.Length; i++)
            {
                OnnxBuffer buffer = outputs[i].Buffer;
                if (!buffer.IsOnDevice)
                    recorder._copies.Copy(_outputs[i], buffer.Value, buffer.ElementType);
                buffer.NoteWriting();
            }
        }

        /// <summary>Runs as it was recorded, and then without, whose results count if they differ.</summary>
        private void RunTwice(RunOptions options, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs)
        {
            float[][]? recorded = null;
            try
            {
                RunOnce(options, id, outputs);
                recorded = [.. outputs.Select(static output => Values(output.Buffer))];
            }
            catch (OnnxRuntimeException error)
            {
                recorder.Fault = OnnxFault.Text(error.Message);
            }

            RunOnce(options, NotRecorded, outputs);
            if (recorded is not null && !outputs.Zip(recorded, static (output, values) => IsAlike(Values(output.Buffer), values)).All(static isAlike => isAlike))
                recorder.Fault = "A recorded run gave another result.";
            _checked++;
        }

        private static float[] Values(OnnxBuffer buffer)
        {
            buffer.Download();
            return [.. buffer.Values];
        }

        // What is not finite is an error elsewhere.
        private static bool IsAlike(float[] expected, float[] actual)
        {
            if (!TensorPrimitives.IsFiniteAll<float>(expected))
                return true;
            float largest = expected.Max(MathF.Abs);
            return expected.Zip(actual, static (one, other) => MathF.Abs(one - other)).All(difference => difference <= Tolerance * largest);
        }
    }
}
