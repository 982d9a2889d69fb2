using System.Collections.Concurrent;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Onnx;

/// <summary>Finds out which devices work on this machine, and which one is best.</summary>
public static class Devices
{
    /// <summary>
    /// Whether 8-bit products of unsigned and signed integers are added in pairs to 16 bits with saturation, as on x64 without
    /// VNNI. ONNX Runtime can then use unsigned integers for both, which is exact and slower, and would do so with VNNI too.
    /// </summary>
    private static readonly bool s_saturates = X86Base.IsSupported && !HasVnni();

    /// <summary>
    /// The kinds that <c>Auto</c> tries before the CPU, best first. TensorRT and OpenVINO compile for minutes on their first run,
    /// and Core ML falls back to the CPU for graphs with variable sizes, so these three are used only when requested.
    /// </summary>
    private static readonly DeviceKind[] s_automatic = [DeviceKind.Cuda, DeviceKind.DirectML];

    /// <summary>
    /// The results of testing devices. A device is tested once per process, and again when the user names other folders of
    /// libraries.
    /// </summary>
    private static readonly ConcurrentDictionary<(Device Device, string? Folder), Lazy<string?>> s_faults = new();

    /// <summary>The results of testing devices with operators that compute a group normalization at once, and convolutions with channels as the last axis.</summary>
    private static readonly ConcurrentDictionary<(Device Device, bool IsHalf), Lazy<string?>> s_fusedFaults = new();

    /// <summary>Lists every kind of device, those that work first. Each is tested, which can take seconds if there is a card.</summary>
    /// <returns>One row per kind.</returns>
    public static IReadOnlyList<DeviceInfo> List()
    {
        Device best = FindBest(out _);
        return
        [
            .. Enum.GetValues<DeviceKind>()
                .Select(kind =>
                {
                    string? fault = Fault(new Device(kind));
                    return new DeviceInfo(kind.ToString(), kind, Provider(kind), fault is null, fault ?? WorkingReason(new Device(kind)), best.Kind == kind, Needs(kind));
                })
                .OrderByDescending(device => device.IsAvailable),
        ];
    }

    /// <summary>Finds the device for a name, and checks that it works.</summary>
    /// <param name="name">A device's text form, or <see cref="Device.Auto"/>.</param>
    /// <param name="reason">The reason for this device, in sentences for a verbose message.</param>
    /// <returns>The device.</returns>
    /// <exception cref="InvalidSettingException">The name is not that of a device.</exception>
    /// <exception cref="DeviceUnavailableException">The device does not work here; the message says what is missing.</exception>
    public static Device Resolve(string name, out string reason)
    {
        if (string.Equals(name, Device.Auto, StringComparison.OrdinalIgnoreCase))
            return FindBest(out reason);

        Device device = Device.Parse(name);
        reason = "It was asked for by name.";
        ThrowIfUnavailable(device);
        return device;
    }

    /// <summary>The requirements of a kind of device, in sentences. The device is not tested.</summary>
    /// <param name="kind">The kind.</param>
    public static string Needs(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "Nothing else. It is always available.",
        DeviceKind.Cuda => "An NVIDIA card with driver 580 or later, CUDA 13 and cuDNN 9, on x64 Windows or Linux.",
        DeviceKind.TensorRt => "An NVIDIA card with driver 580 or later, CUDA 13, cuDNN 9 and TensorRT 10, on x64 Windows or Linux.",
        DeviceKind.DirectML => "Windows, a DirectX 12 card and an ONNX Runtime built with DirectML.",
        DeviceKind.CoreML => "macOS on Apple silicon.",
        DeviceKind.OpenVino => "An ONNX Runtime built with OpenVINO.",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Creates the session options for a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="reordersLayout">Whether weights are rearranged for the CPU's convolutions, which takes a while when the session is opened.</param>
    /// <param name="plansMemory">
    /// Whether one block is set aside for all that a run of known sizes needs. It comes on top of what the first such run took, so
    /// that the memory doubles.
    /// </param>
    /// <param name="features">What an NVIDIA card is used with.</param>
    /// <exception cref="DeviceUnavailableException">The device does not work here; the message says what is missing.</exception>
    internal static SessionOptions CreateOptions(Device device, bool reordersLayout = true, bool plansMemory = true, CardFeatures features = default)
    {
        ThrowIfUnavailable(device);
        SessionOptions options = NewOptions(device, reordersLayout, features);
        options.EnableMemoryPattern &= plansMemory;
        return options;
    }

    /// <summary>Whether group normalizations are one operator on a device: only where a test of it gave what the processor computes.</summary>
    /// <param name="device">The device.</param>
    /// <param name="isHalf">Whether in half precision.</param>
    internal static bool FusesGroupNorms(Device device, bool isHalf) => device.Kind == DeviceKind.Cuda && Fault(device) is null && FusedFault(device, isHalf) is null;

    private static SessionOptions NewOptions(Device device, bool reordersLayout = true, CardFeatures features = default)
    {
        SessionOptions options = new()
        {
            GraphOptimizationLevel = reordersLayout ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        try
        {
            Append(options, device, features);
            return options;
        }
        catch
        {
            options.Dispose();
            throw;
        }
    }

    private static void ThrowIfUnavailable(Device device)
    {
        if (Fault(device) is string fault)
        {
            throw new DeviceUnavailableException(
                $"The device {device} cannot be used. {fault} It requires: {Needs(device.Kind)} Or choose another device.") { Remedy = Remedy.ChooseDevice };
        }
    }

    /// <summary>The reason why a device cannot be used, in sentences; null if it can.</summary>
    private static string? Fault(Device device) => s_faults.GetOrAdd(
        (device, Environment.GetEnvironmentVariable(GpuLibraryFolders.Variable)),
        static key => new Lazy<string?>(() => Try(key.Device))).Value;

    private static string? Try(Device device)
    {
        if (!IsOffered(device.Kind))
            return $"This build has no support for {device.Kind}: its ONNX Runtime has no {Provider(device.Kind)}.";
        if (device.Kind == DeviceKind.Cpu)
            return null;
        if (GpuLibraries.Load(device.Kind) is string missing)
            return missing;

        return Try(device, () =>
        {
            using SessionOptions options = Alone(NewOptions(device));
            return DeviceTrial.Run(options);
        });
    }

    private static string? FusedFault(Device device, bool isHalf) => s_fusedFaults.GetOrAdd((device, isHalf), static key => new Lazy<string?>(() => Try(key.Device, () =>
    {
        using SessionOptions processor = NewOptions(Device.Cpu), options = Alone(NewOptions(key.Device, features: new CardFeatures(PutsChannelsLast: true, RecordsRuns: false)));
        return DeviceTrial.RunFused(processor, options, key.IsHalf ? GraphPrecision.Half : GraphPrecision.Full);
    }))).Value;

    /// <summary>Forbids ONNX Runtime to run on the CPU what the device does not support.</summary>
    private static SessionOptions Alone(SessionOptions options)
    {
        options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1");
        return options;
    }

    private static string? Try(Device device, Func<string?> test)
    {
        OnnxEnvironment.KeepErrors(true);
        try
        {
            using CardGate.Entry _ = CardGate.Enter(device);
            return test();
        }
        catch (Exception error) when (error is OnnxRuntimeException or DllNotFoundException or EntryPointNotFoundException)
        {
            return $"ONNX Runtime could not run a test on it: {OnnxFault.Text(OnnxEnvironment.LastError ?? error.Message)}";
        }
        finally
        {
            OnnxEnvironment.KeepErrors(false);
        }
    }

    /// <summary>Whether this build of ONNX Runtime has the execution provider. The call creates the environment, which must exist before any session.</summary>
    private static bool IsOffered(DeviceKind kind) => OnnxEnvironment.Instance.GetAvailableProviders().Contains(Provider(kind));

    private static string WorkingReason(Device device) => device.Kind switch
    {
        DeviceKind.Cpu => "The processor is always available.",
        DeviceKind.Cuda when (FusedFault(device, isHalf: true) ?? FusedFault(device, isHalf: false)) is string fault => $"A test ran on it. The faster form of models for cards is not used: {fault}",
        DeviceKind.Cuda => "A test ran on it, also of the faster form of models for cards.",
        _ => "A test ran on it.",
    };

    private static void Append(SessionOptions options, Device device, CardFeatures features)
    {
        switch (device.Kind)
        {
            case DeviceKind.Cpu:
                // A waiting thread that spins takes the core that another process needs; a step is too long to gain from it.
                options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
                options.IntraOpNumThreads = ThreadCount.Option(device.Threads);
                if (s_saturates)
                    options.AddSessionConfigEntry("session.x64quantprecision", "1");
                break;
            case DeviceKind.Cuda when features == default:
                options.AppendExecutionProvider_CUDA(device.Index);
                break;
            case DeviceKind.Cuda:
                using (OrtCUDAProviderOptions provider = new())
                {
                    provider.UpdateOptions(features.OfCuda(device.Index).ToDictionary());
                    options.AppendExecutionProvider_CUDA(provider);
                }

                break;
            case DeviceKind.TensorRt:
                using (OrtTensorRTProviderOptions provider = new())
                {
                    provider.UpdateOptions(features.OfTensorRt(device.Index).ToDictionary());
                    options.AppendExecutionProvider_Tensorrt(provider);
                }

                options.AppendExecutionProvider_CUDA(device.Index);
                break;
            case DeviceKind.DirectML:
                // DirectML supports neither memory patterns nor parallel execution.
                options.EnableMemoryPattern = false;
                options.AppendExecutionProvider_DML(device.Index);
                break;
            case DeviceKind.CoreML:
                options.AppendExecutionProvider("CoreML");
                break;
            case DeviceKind.OpenVino:
                options.AppendExecutionProvider("OpenVINO", new Dictionary<string, string> { ["device_type"] = "AUTO" });
                break;
        }
    }

    private static Device FindBest(out string reason)
    {
        List<string> faults = [];
        foreach (Device device in s_automatic.Select(kind => new Device(kind)))
        {
            if (Fault(device) is not string fault)
            {
                reason = "It is the fastest device that works here.";
                return device;
            }

            if (IsOffered(device.Kind))
                faults.Add($"{device} cannot be used. {fault}");
        }

        reason = faults.Count == 0 ? "It is the only one that this build of ONNX Runtime offers." : string.Join(' ', faults);
        return Device.Cpu;
    }

    private static bool HasVnni()
    {
        const int Features = 7;
        const int Avx512VnniInEcx = 1 << 11;
        return AvxVnni.IsSupported
            || (X86Base.CpuId(0, 0).Eax >= Features && (X86Base.CpuId(Features, 0).Ecx & Avx512VnniInEcx) != 0);
    }

    private static string Provider(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "CPUExecutionProvider",
        DeviceKind.Cuda => "CUDAExecutionProvider",
        DeviceKind.TensorRt => "TensorrtExecutionProvider",
        DeviceKind.DirectML => "DmlExecutionProvider",
        DeviceKind.CoreML => "CoreMLExecutionProvider",
        DeviceKind.OpenVino => "OpenVINOExecutionProvider",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
