using System.Management.Automation;
using SdPowerShell.Scripts;
using StableDiffusion.Metadata;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;

namespace SdPowerShell.Commands;

/// <summary>Writes the commands that make an image, from its record.</summary>
[Cmdlet(VerbsData.ConvertTo, "DiffusionScript", DefaultParameterSetName = PathSet)]
[OutputType(typeof(string))]
public sealed class ConvertToDiffusionScriptCommand : FileCmdlet
{
    private const string InputObjectSet = "InputObject";

    private int _count;

    /// <summary>An image, its metadata, or a latent.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    public GeneratedObject[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InputObjectSet)
        {
            foreach (GeneratedObject made in InputObject)
            {
                Subject = Records.InputRecord.DescribeItem("Object", _count++, made.Prompt);
                ProcessOne(made, () => Write(made.Recorded, made is ImageMetadata { Path.Length: > 0 } file ? System.IO.Path.GetFileName(file.Path) : made.Prompt ?? "the image"));
            }

            return;
        }

        foreach (string file in ResolvePaths())
        {
            ProcessOne(file, () =>
            {
                ImageMetadata metadata = MetadataReader.Load(file, CancellationToken);
                foreach (string warning in metadata.Stages is null ? metadata.Warnings : [])
                    WriteWarning($"{System.IO.Path.GetFileName(file)}: {warning}");
                Write(metadata.Info, System.IO.Path.GetFileName(file));
            });
        }
    }

    private void Write(GenerationInfo info, string title)
    {
        StageList recorded = info.Stages ?? FlatRecord.ToStages(info), stages = recorded.BeforeEdit();
        bool isEdited = !ReferenceEquals(recorded, stages);
        string script = StageScript.Write(stages, title, isEdited ? StageList.EditWarning : null);
        if (isEdited)
            Warn(StageList.EditWarning);
        WriteObject(script);
    }
}
