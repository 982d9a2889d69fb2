using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Denoising;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Tensors;

namespace SdPowerShell.Commands;

/// <summary>Reads latents from files of Export-Latent and of ComfyUI.</summary>
[Cmdlet(VerbsData.Import, "Latent", DefaultParameterSetName = PathSet)]
[OutputType(typeof(Latent))]
public sealed class ImportLatentCommand : FileCmdlet
{
    private ModelInfo? _model;

    /// <summary>The model that the latents are for: a name that Get-DiffusionModel lists, or the path of a model's folder or checkpoint file.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ModelCompleter))]
    [Model]
    public string? Model { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths($".{StateFile.Ending}"))
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        foreach (Latent read in LatentFile.Read(file, () => FindModel().LatentSpace, warning => WarnOf(file, warning)))
        {
            Latent latent = string.IsNullOrEmpty(Model) ? read : read.ForModel(FindModel().Name);
            WarnOfModel(file, latent.Model);
            WriteObject(latent);
        }
    }

    private ModelInfo FindModel() => _model ??= ModelLibrary.Default.Models.Find(ResolveModel(Model), CancellationToken);
}
