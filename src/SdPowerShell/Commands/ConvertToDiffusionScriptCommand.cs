using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using SdPowerShell.Scripts;
using StableDiffusion;
using StableDiffusion.Metadata;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace SdPowerShell.Commands;

/// <summary>Writes the commands that make an image, a latent or an embedding, from its record.</summary>
[Cmdlet(VerbsData.ConvertTo, "DiffusionScript", DefaultParameterSetName = PathSet)]
[OutputType(typeof(string))]
public sealed class ConvertToDiffusionScriptCommand : FileCmdlet
{
    private const string InputObjectSet = "InputObject";

    private int _count;

    /// <summary>Images, their metadata, latents or embeddings.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    [Recorded]
    public RecordedInput[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (RecordedInput input in InputObject)
        {
            if (input.Given is FileSystemInfo file)
                Write(PathHelper.ResolveInput(this, [file.FullName], literal: true));
            else
                Write(input);
        }

        if (ParameterSetName != InputObjectSet)
            Write(ResolvePaths());
    }

    private void Write(RecordedInput input)
    {
        Subject = InputRecord.DescribeItem("Object", _count++, input.Prompt, input.File);
        ProcessOne(input.Given, () => Write(input.ReadRecord(), input.Title, input.File));
    }

    private void Write(IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            // The errors of reading name the file, and those of the record do not.
            Subject = null;
            ProcessOne(file, () =>
            {
                if (System.IO.Path.GetExtension(file).Equals("." + StateFile.Ending, StringComparison.OrdinalIgnoreCase))
                    throw new ImageInvalidException($"'{file}' is not an image. {RecordedInput.Choices}");
                ImageMetadata metadata = MetadataReader.Load(file, CancellationToken);
                foreach (string warning in metadata.Stages is null ? metadata.Warnings : [])
                    WarnOf(file, warning);
                Subject = System.IO.Path.GetFileName(file);
                Write(metadata.Info, Subject, Subject);
            });
        }
    }

    private void Write(GenerationInfo info, string title, string? file)
    {
        StageList recorded = FlatRecord.StagesOf(info), stages = recorded.BeforeEdit();
        bool isEdited = !ReferenceEquals(recorded, stages);
        string script = StageScript.Write(stages, title, isEdited ? StageList.EditWarning : null, file);
        if (isEdited)
            WriteWarning($"{Subject ?? title}: {StageList.EditWarning}");
        WriteObject(script);
    }
}
