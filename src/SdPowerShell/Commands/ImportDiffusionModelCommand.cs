using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Progress;
using StableDiffusion;
using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Imports models from files and folders into the model store.</summary>
[Cmdlet(VerbsData.Import, "DiffusionModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(ModelImport))]
public sealed class ImportDiffusionModelCommand : FileCmdlet
{
    /// <summary>The suffix of the type name whose view shows the comparison.</summary>
    private const string ComparedView = "#Compared";

    private readonly ImportDisplay _display;

    /// <summary>The name of the model in the store.</summary>
    [Parameter(Position = 1)]
    public string? Name { get; set; }

    /// <summary>A file or folder with a VAE to use in place of the model's own.</summary>
    [Parameter]
    public string? Vae { get; set; }

    /// <summary>Uses the averaged (EMA) weights of the U-Net if a file has both.</summary>
    [Parameter]
    public SwitchParameter PreferEma { get; set; }

    /// <summary>What the U-Net predicts: the noise (epsilon) or the velocity (v_prediction).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PredictionTypeCompleter))]
    public string? PredictionType { get; set; }

    /// <summary>The weight precision: Full, Half or Int8.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<ModelPrecision>))]
    public string? Precision { get; set; }

    /// <summary>Skips the comparison of an 8-bit model with full precision.</summary>
    [Parameter]
    public SwitchParameter SkipComparison { get; set; }

    /// <summary>Skips the test of the model with an image of one step.</summary>
    [Parameter]
    public SwitchParameter SkipTest { get; set; }

    /// <summary>Replaces an existing model of the same name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Initializes the cmdlet.</summary>
    public ImportDiffusionModelCommand() => _display = new(this);

    /// <inheritdoc/>
    /// <remarks>Each record is another model, so a missing one does not affect the next record.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string[] found = [.. ResolvePaths()];
        foreach (string path in found)
            ProcessOne(path, () => Import(path, found.Length));
    }

    private void Import(string path, int count)
    {
        if (count > 1 && !string.IsNullOrEmpty(Name))
            throw new InvalidSettingException(nameof(Name), $"'{Name}' cannot be the name of {count} models. Import them one by one, or omit the name.");
        if (!ShouldProcess(path, "Import model"))
            return;

        ImportOptions options = new()
        {
            Vae = string.IsNullOrEmpty(Vae) ? null : ResolveFile(Vae),
            PreferEma = PreferEma,
            Precision = EnumSetting.Parse(nameof(Precision), Precision, ModelPrecision.Full),
            PredictionType = string.IsNullOrEmpty(PredictionType) ? null : PredictionType,
        };
        try
        {
            ModelImport import = ModelLibrary.Default.Import(path, string.IsNullOrEmpty(Name) ? null : Name, options, Force, SkipTest, _display.Report, CancellationToken);
            _display.WriteFindings(import);
            if (options.Precision == ModelPrecision.Int8 && !SkipComparison && !import.WasThere)
                WriteCompared(import, options);
            else
                WriteObject(import);
        }
        finally
        {
            _display.Complete("Importing");
        }
    }

    /// <remarks>The model is imported already: an error or a stop in the comparison does not undo that.</remarks>
    private void WriteCompared(ModelImport import, ImportOptions options)
    {
        try
        {
            import = import with { Comparison = ModelLibrary.Default.Compare(import, options, _display.Report, CancellationToken) };
        }
        finally
        {
            PSObject output = new(import);
            if (import.Comparison is not null)
                output.TypeNames.Insert(0, $"{typeof(ModelImport).FullName}{ComparedView}");
            if (!Stopping)
                WriteObject(output);
        }
    }
}
