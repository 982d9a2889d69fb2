using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Adapters;
using StableDiffusion.Library;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that run a stage of a model: the model, the device, and the time of each stage.</summary>
public abstract class ModelCmdlet : DiffusionCmdlet
{
    private string? _lastDevice;
    private AdapterSet _reported = AdapterSet.Empty;
    private HashSet<string> _fixed = [];
    private readonly HashSet<string> _namedFiles = [];

    /// <summary>The model: a name that Get-DiffusionModel lists, or the path of a model's folder or checkpoint file. The default is the model that ships with the module.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    [Model]
    public string? Model { get; set; }

    /// <summary>The device to run on; Auto selects the best available one.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = StableDiffusion.Onnx.Device.Auto;

    /// <summary>Takes models, adapters, ControlNets and VAEs by their names in the folders of the models alone, never by a path.</summary>
    [Parameter]
    public SwitchParameter NamesOnly { get; set; }

    /// <summary>Closes the parts of the model that a stage does not need before it runs.</summary>
    [Parameter]
    public SwitchParameter LowMemory { get; set; }

    /// <summary>The model that was asked for last; null for the one that ships with the module.</summary>
    internal string? ModelInUse { get; set; }

    /// <summary>Determines the parameters that are the same for all records.</summary>
    /// <remarks>The value of a delay-bind script block, which is run for each record, is not of the parameter's type yet.</remarks>
    protected override void BeginProcessing() => _fixed = MyInvocation.BoundParameters
        .Where(bound => bound.Value is null || MyInvocation.MyCommand.Parameters[bound.Key].ParameterType.IsInstanceOfType(bound.Value))
        .Select(bound => bound.Key)
        .ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a parameter was given as an argument, and so is the same for all records.</summary>
    internal bool IsFixed(string parameter) => _fixed.Contains(parameter);

    /// <inheritdoc/>
    /// <remarks>An error of a model or device that a record specifies is an error of that record only.</remarks>
    protected override bool EndsPipeline(Exception error) => error switch
    {
        StableDiffusion.ModelNotFoundException => IsFixed(nameof(Model)) || ModelInUse is null,
        StableDiffusion.DeviceUnavailableException => IsDeviceOfAll,
        StableDiffusion.InvalidSettingException invalid => invalid.Setting == nameof(Device) && IsDeviceOfAll,
        _ => base.EndsPipeline(error),
    };

    /// <summary>Runs one or more stages of the model, which stays open for the next record.</summary>
    /// <param name="use">The stages.</param>
    /// <param name="adapters">The LoRAs to open the model with; null for none.</param>
    /// <param name="madeBy">The model that made the input of the stages, used if no model is given; null if there is no input, or it is unknown.</param>
    private protected T UsePipeline<T>(Func<DiffusionPipeline, T> use, AdapterSet? adapters = null, string? madeBy = null) => UseModel(ChooseModel(madeBy), use, adapters);

    /// <summary>Runs one or more stages of a model that was chosen in another way than by the parameter.</summary>
    /// <param name="model">The model's name or path.</param>
    /// <param name="use">As for <see cref="UsePipeline"/>.</param>
    /// <param name="adapters">As for <see cref="UsePipeline"/>.</param>
    internal virtual T UseModel<T>(string? model, Func<DiffusionPipeline, T> use, AdapterSet? adapters = null)
    {
        StableDiffusion.Onnx.Device device = ResolveDevice(out string reason);
        if (_lastDevice != device.ToString())
        {
            _lastDevice = device.ToString();
            WriteVerbose($"Device {device}: {reason}");
        }

        using ModelLease lease = ModelLibrary.Default.Open(model, device, adapters);
        if (adapters is not null && !adapters.Equals(_reported))
        {
            _reported = adapters;
            foreach (AdapterReport report in lease.Model.MatchAdapters(ReportLoading, CancellationToken))
                Write(report);
        }

        return use(new DiffusionPipeline(lease.Model, ReportLoading, Warn, WriteVerbose) { LowMemory = LowMemory });
    }

    /// <summary>Reads the configuration of the model, without opening its networks.</summary>
    /// <param name="use">The work, which must not run a stage.</param>
    /// <param name="madeBy">As for <see cref="UsePipeline"/>.</param>
    internal void Inspect(Action<DiffusionPipeline> use, string? madeBy = null) => Inspect(
        pipeline =>
        {
            use(pipeline);
            return true;
        },
        madeBy);

    /// <inheritdoc cref="Inspect(Action{DiffusionPipeline}, string?)"/>
    internal T Inspect<T>(Func<DiffusionPipeline, T> use, string? madeBy = null) => Inspect(ChooseModel(madeBy), use);

    /// <summary>Reads the configuration of a model, without opening its networks.</summary>
    /// <param name="model">The model's name or path.</param>
    /// <param name="use">The work.</param>
    private protected virtual T Inspect<T>(string? model, Func<DiffusionPipeline, T> use)
    {
        using ModelLease lease = OpenModel(model);
        return use(new DiffusionPipeline(lease.Model));
    }

    /// <summary>Opens a model on the device of the parameter, none of its networks yet.</summary>
    /// <param name="model">The model's name or path.</param>
    private protected ModelLease OpenModel(string? model) => ModelLibrary.Default.Open(model, ResolveDevice(out _));

    /// <summary>Whether the value of a parameter can be a name but no path.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="value">Its value, or one of several.</param>
    internal bool TakesNamesOnly(string parameter, string value) => NamesOnly || IsForeign(parameter, value);

    /// <summary>Finds a ControlNet, a VAE or an upscaler.</summary>
    /// <param name="parameter">The parameter that names it.</param>
    /// <param name="value">Its name or path.</param>
    /// <param name="store">Those that have names.</param>
    /// <returns>The name or full path for the engine, which reports what does not exist.</returns>
    internal string ResolveNetwork(string parameter, string value, NetworkStore store)
    {
        if (TakesNamesOnly(parameter, value))
            store.CheckName(value);
        return store.Contains(value) ? value : PathHelper.FindExisting(this, value) ?? value;
    }

    /// <summary>Finds an autoencoder.</summary>
    /// <param name="vae">Its name or path; empty for none.</param>
    /// <returns>The name or full path for the engine; null for none.</returns>
    private protected string? ResolveVae(string? vae) => string.IsNullOrWhiteSpace(vae) ? null : ResolveNetwork(nameof(GenerationSettings.Vae), vae, ModelLibrary.Default.Vaes);

    /// <summary>Whether the value of a parameter may be someone else's, such as the metadata of an image.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="value">Its value, or one of several.</param>
    /// <remarks>An object of this module has a name or a full path, and no name that is to be found in the current location.</remarks>
    private protected virtual bool IsForeign(string parameter, string value) => !IsFixed(parameter) && IsName(value);

    /// <summary>Whether a value can only be a name, or a path in the current location.</summary>
    /// <param name="value">The value.</param>
    private protected static bool IsName(string value) => value.AsSpan().IndexOfAny('/', '\\') < 0;

    /// <summary>Finds the model of the parameter or, without it, the one that made the input.</summary>
    /// <param name="madeBy">As for <see cref="UsePipeline"/>.</param>
    /// <returns>The name or path for the engine; null for the model that ships with the module.</returns>
    internal string? ChooseModel(string? madeBy)
    {
        bool isGiven = !string.IsNullOrEmpty(Model);
        string? model = isGiven ? Model : madeBy;
        return ChooseModel(model, !string.IsNullOrEmpty(model) && (isGiven ? TakesNamesOnly(nameof(Model), model) : NamesOnly || IsName(model)));
    }

    /// <summary>Finds a model.</summary>
    /// <param name="model">Its name or path.</param>
    /// <param name="isNameOnly">Whether it can be a name but no path.</param>
    /// <returns>The name or path for the engine.</returns>
    internal string? ChooseModel(string? model, bool isNameOnly)
    {
        ModelInUse = model;
        if (isNameOnly && model is not null)
            ModelLibrary.Default.Models.CheckName(model);
        return ResolveModel(model);
    }

    private StableDiffusion.Onnx.Device ResolveDevice(out string reason) =>
        StableDiffusion.Onnx.Devices.Resolve(DeviceName, out reason);

    /// <summary>The name of the device.</summary>
    internal string DeviceName => IsDeviceLeftOut ? StableDiffusion.Onnx.Device.Auto : Device;

    private bool IsDeviceLeftOut => string.IsNullOrWhiteSpace(Device);

    private bool IsDeviceOfAll => IsFixed(nameof(Device)) || IsDeviceLeftOut || Device == StableDiffusion.Onnx.Device.Auto;

    private void Write(AdapterReport report)
    {
        WriteInformation(report, ["Lora"]);
        WriteVerbose($"LoRA {report}.");
        WarnOfOthers("LoRA", report.Lora.Path, ModelLibrary.Default.Loras);
        foreach (AdapterKey key in report.Keys)
            WriteVerbose($"LoRA {report.Name}: {key.State.ToString().ToLowerInvariant()} {key.Name} ({key.Kind}){(key.Layer is null ? string.Empty : $" to {key.Layer}")}.");
        if (report.Unmatched > 0)
            Warn($"{report.Unmatched} of {report.Keys.Count} layers of the LoRA '{report.Name}' are not in the model or of an unknown kind, and were not applied; -Verbose lists them.");
    }

    /// <summary>Says which file an adapter is, and warns once if others have its name.</summary>
    /// <param name="kind">The kind of the adapter.</param>
    /// <param name="path">The full path of its file.</param>
    /// <param name="store">The adapters of that kind.</param>
    internal void WarnOfOthers(string kind, string path, AdapterStore store)
    {
        if (!_namedFiles.Add(path))
            return;
        WriteVerbose(StableDiffusion.PrintableText.Of($"{kind} '{Path.GetFileNameWithoutExtension(path)}' is the file '{path}'."));
        if (store.FindOthers(path, CancellationToken) is [string other, ..] others)
            Warn(StableDiffusion.PrintableText.Of($"The {kind} '{Path.GetFileNameWithoutExtension(path)}' is the file '{path}'; {(others.Count == 1 ? $"'{other}' has" : $"{others.Count} other files, such as '{other}', have")} the same name. Rename one of them, or give the path."));
    }

    /// <summary>Runs a stage and writes its time to the verbose stream.</summary>
    internal T Timed<T>(string stage, Func<T> run)
    {
        long start = Stopwatch.GetTimestamp();
        T result = run();
        WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{stage}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:N0} ms."));
        return result;
    }
}
