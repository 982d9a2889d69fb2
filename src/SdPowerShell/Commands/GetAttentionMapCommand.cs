using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Serialization;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.CrossAttention;

namespace SdPowerShell.Commands;

/// <summary>Shows where an image looked at the words of its prompt.</summary>
[Cmdlet(VerbsCommon.Get, "AttentionMap")]
[OutputType(typeof(AttentionMap))]
public sealed class GetAttentionMapCommand : DiffusionCmdlet
{
    /// <summary>The latents, denoised with Attention.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [Restored<Latent>]
    public Latent[] Latent { get; set; } = [];

    /// <summary>The words, a map for each: one word of the prompt, or several that follow each other. By default, a map of each word.</summary>
    [Parameter(Position = 1)]
    [List]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AttentionWordCompleter))]
    public string[] Token { get; set; } = [];

    /// <summary>The steps that the maps are the mean of, from 1; all that were kept by default.</summary>
    [Parameter]
    [Number<int>(IsList = true)]
    public Number<int>[]? Step { get; set; }

    /// <summary>The names of the layers that the maps are the mean of, in which wildcards are allowed; all that were kept by default.</summary>
    [Parameter]
    [SupportsWildcards]
    [List]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AttentionLayerCompleter))]
    public string[] Layer { get; set; } = [];

    /// <summary>The heads that the maps are the mean of, from 0; all by default.</summary>
    [Parameter]
    [Number<int>(IsList = true)]
    public Number<int>[]? Head { get; set; }

    /// <summary>What has maps of its own, in place of their mean: Step, Layer, Head, or several of them.</summary>
    [Parameter]
    [ValidateSet(nameof(Step), nameof(Layer), nameof(Head))]
    public string[] Each { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEach(Latent, latent => WriteObject(Find(latent), enumerateCollection: true));

    private IReadOnlyList<AttentionMap> Find(Latent latent)
    {
        AttentionQuery query = new()
        {
            Tokens = Token,
            Steps = Number.Read(Step) ?? [],
            Layers = Layer,
            Heads = Number.Read(Head) ?? [],
            ByStep = IsOneByOne(nameof(Step)),
            ByLayer = IsOneByOne(nameof(Layer)),
            ByHead = IsOneByOne(nameof(Head)),
        };
        return latent.FindAttention(query);

        bool IsOneByOne(string name) => Each.Contains(name, StringComparer.OrdinalIgnoreCase);
    }
}
