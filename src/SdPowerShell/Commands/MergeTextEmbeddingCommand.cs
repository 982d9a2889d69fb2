using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Merges embeddings of prompts: into one, or into a walk from one to the next.</summary>
[Cmdlet(VerbsData.Merge, "TextEmbedding", DefaultParameterSetName = RatioSet)]
[OutputType(typeof(TextEmbedding))]
public sealed class MergeTextEmbeddingCommand : MergeCmdlet
{
    private const string WeightSet = "Weight";

    private readonly List<TextEmbedding> _embeddings = [];

    /// <summary>The embeddings, from Get-TextEmbedding.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [AllowNull]
    public object?[]? Embedding { get; set; }

    /// <summary>The weight of each embedding in their mean.</summary>
    [Parameter(Mandatory = true, ParameterSetName = WeightSet)]
    [Number<double>(IsList = true)]
    public Number<double>[]? Weight { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord() => Take(nameof(Embedding), Embedding, _embeddings, AdviceFor);

    /// <inheritdoc/>
    protected override void EndProcessing() => MergeAll(_embeddings, Merge);

    private static string AdviceFor(object? given) => given switch
    {
        Latent => "Merge-Latent merges latents.",
        FileSystemInfo => "Import-TextEmbedding reads the file of an embedding.",
        string => "Get-TextEmbedding makes an embedding of a prompt, and Import-TextEmbedding reads one from a file.",
        GeneratedObject => "Get-TextEmbedding makes an embedding of its prompt.",
        _ => "Give embeddings from Get-TextEmbedding or Import-TextEmbedding.",
    };

    private void Merge()
    {
        if (Number.Read(Weight) is double[] weights)
            WriteObject(EmbeddingMerge.Merge(_embeddings, weights));
        else
            WriteMerged(nameof(Embedding), _embeddings, (first, second, ratio) => EmbeddingMerge.Merge(first, second, ratio, ModeOf(StageOperation.MergeEmbeddings)));
    }
}
