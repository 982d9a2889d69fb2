using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion.Models;
using StableDiffusion.Pipelines;
using StableDiffusion.Text;
using StableDiffusion.Text.Prompts;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that run a stage of a model: which model, on which device, and how long a stage took.</summary>
public abstract class ModelCmdlet : DiffusionCmdlet
{
    private const int LoadingActivityId = 1;

    private string? _lastDevice;
    private bool _isModelFixed;

    /// <summary>The model: a name that Get-DiffusionModel lists, or the path of a model's folder. The model that ships with the module where it is left out.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public string? Model { get; set; }

    /// <summary>The device to run on; Auto takes the best there is.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = StableDiffusion.Onnx.Device.Auto;

    /// <summary>Notes whether the model is the same for all records.</summary>
    protected override void BeginProcessing() => _isModelFixed = MyInvocation.BoundParameters.ContainsKey(nameof(Model));

    /// <inheritdoc/>
    /// <remarks>A model that came with a record is that record's own fault; the device is the same for all.</remarks>
    protected override bool EndsPipeline(Exception error) => error switch
    {
        StableDiffusion.ModelNotFoundException => _isModelFixed || string.IsNullOrEmpty(Model),
        StableDiffusion.InvalidSettingException invalid => invalid.Setting == nameof(Device),
        _ => base.EndsPipeline(error),
    };

    /// <summary>Runs a stage or several of the model, which stays open for the next record.</summary>
    private protected T UsePipeline<T>(Func<DiffusionPipeline, T> use)
    {
        StableDiffusion.Onnx.Device device = StableDiffusion.Onnx.Devices.Resolve(Device, out string reason);
        if (_lastDevice != device.ToString())
        {
            _lastDevice = device.ToString();
            WriteVerbose($"Device {device}: {reason}.");
        }

        using ModelLease lease = ModelCache.Rent(ResolveModel(Model), device);
        return use(new DiffusionPipeline(lease.Model, ReportLoading, WriteWarning));
    }

    /// <summary>Encodes a prompt and warns of what of it could not be honoured.</summary>
    private protected TextEmbedding EncodePrompt(DiffusionPipeline pipeline, string prompt, PromptOptions options)
    {
        TextEmbedding embedding = Timed("Text encoder", () => pipeline.EncodePrompt(prompt, options, CancellationToken));
        if (embedding.LostText.Length > 0)
            WriteWarning($"The prompt is longer than the {embedding.TokenIds.Count} tokens that the text encoder takes in. Left out: '{embedding.LostText}'. With -PromptSyntax A1111 a prompt may be of any length.");
        foreach (string warning in embedding.Warnings)
            WriteWarning(warning);
        return embedding;
    }

    /// <summary>The settings of how prompts are read, as the engine takes them.</summary>
    private protected static PromptOptions CreatePromptOptions(string? syntax, string? emphasis, int? clipSkip) => new()
    {
        Syntax = EnumSetting.Parse("PromptSyntax", syntax, PromptSyntax.Plain),
        Emphasis = EnumSetting.Parse("Emphasis", emphasis, EmphasisMode.Original),
        ClipSkip = clipSkip ?? 1,
    };

    /// <summary>Runs a stage and writes to the verbose stream how long it took.</summary>
    private protected T Timed<T>(string stage, Func<T> run)
    {
        long start = Stopwatch.GetTimestamp();
        T result = run();
        WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{stage}: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:N0} ms."));
        return result;
    }

    private void ReportLoading(ModelLoadProgress progress)
    {
        ProgressRecord record = new(LoadingActivityId, progress.Activity, progress.Detail)
        {
            PercentComplete = (int)(progress.Fraction * 100),
            RecordType = progress.IsDone ? ProgressRecordType.Completed : ProgressRecordType.Processing,
        };
        WriteProgress(record);
        if (progress.IsDone)
            WriteVerbose(string.Create(CultureInfo.CurrentCulture, $"{progress.Activity}: {progress.Elapsed.TotalMilliseconds:N0} ms."));
    }
}
