using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Storage;

namespace StableDiffusion.Onnx;

/// <summary>
/// Runs a graph on an NVIDIA card by CUDA graphs: when it runs with one size of inputs again and again, a run is recorded, and
/// later ones start all of its work at once, in place of one operator after another. Thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// See the section on CUDA graphs of ONNX Runtime's page on its CUDA provider. What is recorded names the memory that it reads and
/// writes, also memory that the session has given back and uses for other runs, and belongs to a thread. So all runs are made by
/// one thread, those that are not recorded too, and what outlives a run is in memory apart from that of the session. It also names
/// kernels of convolutions that ONNX Runtime keeps for the last size only, so that it is dropped when the graph runs with another.
/// </para>
/// <para>The first recorded runs are made in both ways. If the results differ, nothing is recorded any more.</para>
/// </remarks>
internal sealed class RunRecorder : IDisposable
{
    /// <summary>The environment variable that turns recording on.</summary>
    public const string Variable = "STABLEDIFFUSION_CUDA_GRAPHS";

    private const string IdOption = "gpu_graph_id";
    private const string NotRecorded = "-1";

    // Sizes whose memory is kept: each takes some hundred kilobytes.
    private const int MostSizes = 16;

    // ONNX Runtime keeps what was recorded as long as the session is open.
    private const int MostRecorded = 32;

    // Two sizes that take turns are not recorded.
    private const int RunsBefore = 2;
    private const int CheckedRuns = 2;

    // Of the largest value: sums are taken in another order in each run.
    private const float Tolerance = 0.01f;

    private readonly InferenceSession _session;
    private readonly Device _device;
    private readonly DeviceCopies _copies;
    private readonly Dictionary<string, Binding> _sizes = new(StringComparer.Ordinal);
    private readonly HashSet<Binding> _own = [];
    private readonly BlockingCollection<Task> _work = [];

    // Of the thread: the size that runs again and again, and its runs.
    private Binding? _current;
    private int _runs;
    private bool _isRecorded;
    private int _checked;
    private int _id;
    private string? _note;
    private bool _hasToldUse;

    /// <summary>Initializes the recorder.</summary>
    /// <param name="session">The graph; it must be opened with <c>enable_cuda_graph</c>.</param>
    /// <param name="device">Its device.</param>
    public RunRecorder(InferenceSession session, Device device)
    {
        _session = session;
        _device = device;
        _copies = new DeviceCopies(device);
        new Thread(Work) { IsBackground = true, Name = nameof(RunRecorder) }.Start();
    }

    /// <summary>Why runs are not recorded any more; null if they are.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether runs are to be recorded on a device.</summary>
    /// <param name="device">The device.</param>
    /// <exception cref="InvalidSettingException">The environment variable is neither 0 nor 1.</exception>
    public static bool IsWanted(Device device) => device.Kind == DeviceKind.Cuda && Environment.GetEnvironmentVariable(Variable)?.Trim() switch
    {
        null or "" or "0" => false,
        "1" => true,
        string text => throw new InvalidSettingException(nameof(Limit), $"The environment variable {Variable} is '{ModelFilePath.Printable(text)}', but must be 0 or 1. Correct or remove it."),
    };

    /// <summary>Takes what is to be said of the runs since the last call.</summary>
    /// <returns>A sentence without its subject, which is the graph; null for nothing.</returns>
    public string? TakeNote() => Interlocked.Exchange(ref _note, null);

    /// <summary>Creates an allocator of memory on the device that no recorded run names.</summary>
    public OrtAllocator CreateAllocator() => OnCard(_copies.CreateAllocator);

    /// <summary>Makes a run that is not recorded, apart from those that are.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="run">Runs the graph.</param>
    /// <returns>What it returns.</returns>
    public T RunBeside<T>(RunOptions options, Func<T> run)
    {
        options.AddRunConfigEntry(IdOption, NotRecorded);
        return OnThread(() =>
        {
            _current = null;
            return run();
        });
    }

    /// <summary>Makes a function that runs the graph. Its runs can be recorded if all values are in memory of the processor.</summary>
    /// <param name="options">The options of the runs.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="own">What only this function uses; null for nothing.</param>
    /// <returns>The function.</returns>
    public Func<bool> Bind(RunOptions options, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs, out IDisposable? own)
    {
        Binding binding;
        own = null;
        lock (_sizes)
        {
            string size = string.Join(';', inputs.Concat(outputs).Select(static value => $"{value.Info.Name}:{string.Join(',', value.Buffer.Shape)}"));
            bool isOnDevice = outputs.Concat(inputs).Any(static value => value.Buffer.IsOnDevice);
            if (!isOnDevice && (_sizes.Count < MostSizes || _sizes.ContainsKey(size)))
            {
                _sizes.TryAdd(size, new Binding(this, canRecord: true));
                binding = _sizes[size];
            }
            else
            {
                own = binding = new Binding(this, canRecord: false);
                _own.Add(binding);
            }
        }

        return () => OnThread(() => binding.Run(options, outputs, inputs));
    }

    /// <summary>Releases the memory. No run may be under way.</summary>
    public void Dispose()
    {
        Binding[] all;
        lock (_sizes)
        {
            if (_work.IsAddingCompleted)
                return;
            all = [.. _sizes.Values, .. _own];
            _own.Clear();
        }

        OnCard(() =>
        {
            foreach (Binding binding in all)
                binding.Release();
            _copies.Dispose();
            return true;
        });
        _work.CompleteAdding();
    }

    /// <summary>Releases what only one function used, unless that is done.</summary>
    private void Release(Binding binding)
    {
        lock (_sizes)
        {
            if (!_own.Remove(binding))
                return;
        }

        OnCard(() =>
        {
            binding.Release();
            return true;
        });
    }

    private T OnCard<T>(Func<T> function) => OnThread(() =>
    {
        using CardGate.Entry entry = CardGate.Enter(_device);
        return function();
    });

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

    /// <summary>Counts a run, and drops what was recorded of another size.</summary>
    private void Count(Binding binding)
    {
        if (_current != binding)
        {
            _current = binding;
            _runs = 0;
            Forget();
        }

        _runs++;
    }

    /// <summary>Drops what was recorded. The numbers of ONNX Runtime's recordings are not used again.</summary>
    private void Forget()
    {
        _checked = 0;
        if (!_isRecorded)
            return;
        _isRecorded = false;
        _id++;
        if (_id == MostRecorded && Fault is null)
            GiveUp("It has run with too many sizes.");
    }

    private void GiveUp(string fault)
    {
        Fault = fault;
        _note = $"does not run by CUDA graphs from now on: {fault}";
    }

    /// <summary>The memory on the device for one size of the inputs.</summary>
    /// <param name="recorder">The recorder.</param>
    /// <param name="canRecord">Whether its runs can be recorded.</param>
    private sealed class Binding(RunRecorder recorder, bool canRecord) : IDisposable
    {
        private readonly List<OrtValue> _allocated = [];
        private OrtIoBinding? _binding;
        private OrtValue[] _inputs = [];
        private OrtValue[] _outputs = [];

        // What was copied to each input.
        private (OnnxBuffer? Buffer, int Written)[] _copied = [];

        public bool Run(RunOptions options, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            Prepare(outputs, inputs);
            recorder.Count(this);
            if (!canRecord || recorder.Fault is not null || recorder._runs <= RunsBefore)
                RunOnce(options, NotRecorded, outputs);
            else if (recorder._checked < CheckedRuns)
                RunTwice(options, outputs);
            else
                RunOnce(options, Id, outputs);
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

        private string Id => recorder._id.ToString(CultureInfo.InvariantCulture);

        private void Prepare((OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            using CardGate.Entry entry = CardGate.Enter(recorder._device);
            if (_binding is null)
                Allocate(outputs, inputs);
            CopyInputs(inputs);
        }

        private void Allocate((OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs, (OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            // An earlier call may have run out of memory.
            _allocated.ForEach(static value => value.Dispose());
            _allocated.Clear();
            _inputs = [.. inputs.Select(input => Memory(input.Buffer))];
            _outputs = [.. outputs.Select(output => Memory(output.Buffer))];
            OrtIoBinding binding = recorder._session.CreateIoBinding();
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

        private void CopyInputs((OnnxValueInfo Info, OnnxBuffer Buffer)[] inputs)
        {
            for (int i = 0; i < inputs.Length; i++)
            {
                (OnnxBuffer Buffer, int Written) now = (inputs[i].Buffer, inputs[i].Buffer.Written);
                if (_copied[i] == now || now.Buffer.IsOnDevice)
                    continue;
                recorder._copies.Copy(now.Buffer.Value, _inputs[i], now.Buffer.ElementType);
                _copied[i] = now;
            }
        }

        private void RunOnce(RunOptions options, string kind, (OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs)
        {
            options.AddRunConfigEntry(IdOption, kind);
            if (kind != NotRecorded && !recorder._isRecorded)
            {
                recorder._isRecorded = true;
                using CardGate.Entry alone = CardGate.EnterAlone();
                recorder._session.RunWithBinding(options, _binding!);
            }
            else
            {
                using CardGate.Entry entry = CardGate.Enter(recorder._device);
                recorder._session.RunWithBinding(options, _binding!);
            }

            CopyOutputs(outputs);
        }

        private void CopyOutputs((OnnxValueInfo Info, OnnxBuffer Buffer)[] outputs)
        {
            using CardGate.Entry entry = CardGate.Enter(recorder._device);
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
            string? fault = null;
            try
            {
                RunOnce(options, Id, outputs);
                recorded = [.. outputs.Select(static output => Values(output.Buffer))];
            }
            catch (OnnxRuntimeException) when (options.Terminate)
            {
                // Half of a run may be recorded.
                recorder.Forget();
                throw;
            }
            catch (OnnxRuntimeException error)
            {
                fault = OnnxFault.Text(error.Message);
            }

            RunOnce(options, NotRecorded, outputs);
            float[][] expected = [.. outputs.Select(static output => Values(output.Buffer))];

            // What is not finite is an error elsewhere, and compares nothing.
            if (!expected.All(static values => TensorPrimitives.IsFiniteAll<float>(values)))
            {
                recorder.Forget();
                return;
            }

            if (recorded is not null && !expected.Zip(recorded, IsAlike).All(static isAlike => isAlike))
                fault = "A recorded run gave another result.";
            recorder._checked++;
            if (fault is not null)
            {
                recorder.GiveUp(fault);
            }
            else if (recorder._checked == CheckedRuns && !recorder._hasToldUse)
            {
                recorder._hasToldUse = true;
                recorder._note = "runs by CUDA graphs.";
            }
        }

        private static float[] Values(OnnxBuffer buffer)
        {
            buffer.Download();
            return [.. buffer.Values];
        }

        private static bool IsAlike(float[] expected, float[] actual)
        {
            float largest = expected.Max(MathF.Abs);
            return expected.Zip(actual, static (one, other) => MathF.Abs(one - other)).All(difference => difference <= Tolerance * largest);
        }
    }
}
