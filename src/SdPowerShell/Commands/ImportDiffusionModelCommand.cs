using System.Management.Automation;
using SdPowerShell.Completion;
using StableDiffusion;
using StableDiffusion.Building;
using StableDiffusion.Library;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Takes models from files and folders into the user's models.</summary>
[Cmdlet(VerbsData.Import, "DiffusionModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(ModelImport))]
public sealed class ImportDiffusionModelCommand : ImportingCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    /// <summary>What the type's name ends in for the view that shows the comparison.</summary>
    private const string ComparedView = "#Compared";

    private string[] _paths = [];
    private bool _isLiteral;

    /// <summary>The files or folders; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The files or folders, taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>The name to ask for the model by.</summary>
    [Parameter(Position = 1)]
    public string? Name { get; set; }

    /// <summary>A file or folder with an autoencoder, to take in place of the model's own.</summary>
    [Parameter]
    public string? Vae { get; set; }

    /// <summary>Takes averaged weights of the U-Net where a file holds both.</summary>
    [Parameter]
    public SwitchParameter PreferEma { get; set; }

    /// <summary>What the U-Net predicts.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PredictionTypeCompleter))]
    public string? PredictionType { get; set; }

    /// <summary>In which numbers the model is built: Full, Half or Int8.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<ModelPrecision>))]
    public string? Precision { get; set; }

    /// <summary>Leaves out the comparison of a model in 8-bit integers with full precision.</summary>
    [Parameter]
    public SwitchParameter SkipComparison { get; set; }

    /// <summary>Replaces a model of the same name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string[] found = [.. PathHelper.ResolveInput(this, _paths, _isLiteral)];
        foreach (string path in found)
            ProcessOne(path, () => Import(path, found.Length));
    }

    private void Import(string path, int count)
    {
        if (count > 1 && !string.IsNullOrEmpty(Name))
            throw new InvalidSettingException(nameof(Name), $"'{Name}' cannot be the name of {count} models. Import them one by one, or leave the name out.");
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
            ModelImport import = ModelLibrary.Default.Import(path, string.IsNullOrEmpty(Name) ? null : Name, options, Force, Report, CancellationToken);
            WriteFindings(import);
            if (options.Precision == ModelPrecision.Int8 && !SkipComparison && !import.WasThere)
                WriteCompared(import, options);
            else
                WriteObject(import);
        }
        finally
        {
            EndProgress("Importing");
        }
    }

    /// <remarks>The model is there already: what goes wrong now, or is stopped, takes nothing of it away.</remarks>
    private void WriteCompared(ModelImport import, ImportOptions options)
    {
        try
        {
            import = import with { Comparison = ModelLibrary.Default.Compare(import, options, Report, CancellationToken) };
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
