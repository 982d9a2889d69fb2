using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that run one half of the autoencoder: which one, and its tiles.</summary>
public abstract class VaeCmdlet : ModelCmdlet
{
    /// <summary>The autoencoder to use in place of the model's own: a name in the store, or the path of a folder or file.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(VaeCompleter))]
    public string? Vae { get; set; }

    /// <summary>Whether the autoencoder works in tiles, which takes less memory: Auto, On or Off.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<VaeTiling>))]
    public string? VaeTiling { get; set; }

    /// <summary>The longest side of such a tile in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int? VaeTileSize { get; set; }

    /// <summary>The edges of the image that meet without a seam: None, X, Y or Both.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(EnumCompleter<Tiling>))]
    public string? Tiling { get; set; }

    /// <summary>The options in the form of the engine.</summary>
    private protected VaeOptions CreateVaeOptions() => VaeOptions.From(new GenerationInfo { Vae = ResolveVae(Vae), VaeTiling = VaeTiling, VaeTileSize = VaeTileSize, Tiling = Tiling });
}
