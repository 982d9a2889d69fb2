using System.Management.Automation;
using SdPowerShell.Serialization;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Writes embeddings of prompts to files, with all that is needed to denoise with them in another session.</summary>
[Cmdlet(VerbsData.Export, "TextEmbedding", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(TextEmbedding))]
public sealed class ExportTextEmbeddingCommand : ExportCmdlet
{
    /// <summary>The embeddings.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [Alias("Embedding")]
    [Restored<TextEmbedding>]
    public TextEmbedding[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (TextEmbedding embedding in InputObject)
        {
            Export(
                embedding,
                "embedding",
                embedding.Prompt,
                seed: null,
                StateFile.Ending,
                target => StateFile.Check(target.Path, Force || target.IsGenerated),
                (path, addsNumber) => addsNumber ? TextEmbeddingFile.WriteNumbered(embedding, path) : TextEmbeddingFile.Write(embedding, path, Force));
        }
    }
}
