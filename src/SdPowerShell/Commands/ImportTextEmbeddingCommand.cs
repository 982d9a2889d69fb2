using System.Management.Automation;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace SdPowerShell.Commands;

/// <summary>Reads embeddings of prompts from files of Export-TextEmbedding.</summary>
[Cmdlet(VerbsData.Import, "TextEmbedding", DefaultParameterSetName = PathSet)]
[OutputType(typeof(TextEmbedding))]
public sealed class ImportTextEmbeddingCommand : FileCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string file in ResolvePaths($".{StateFile.Ending}"))
            ProcessOne(file, () => Read(file));
    }

    private void Read(string file)
    {
        TextEmbedding embedding = TextEmbeddingFile.Read(file);
        WarnOfModel(file, embedding.Model);
        WriteObject(embedding);
    }
}
