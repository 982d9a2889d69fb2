using SdPowerShell.Commands;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Images;
using StableDiffusion.Storage;

namespace SdPowerShell.Batches;

/// <summary>The files of images: their names, and what is there of them already.</summary>
/// <param name="command">The cmdlet that makes the images.</param>
/// <param name="template">The template of the names; null for none.</param>
internal sealed class ImageFiles(NewDiffusionImageCommand command, NameTemplate? template)
{
    /// <summary>What to do about two rows with one file.</summary>
    public string NameAdvice => template is null && string.IsNullOrEmpty(command.OutFile) ? ResumeCheck.TemplateAdvice : ResumeCheck.NameAdvice;

    /// <summary>Names the files of a record.</summary>
    /// <param name="source">The file that the image is made from, whose name is kept without a template; null if there is none.</param>
    /// <param name="name">Names an image by the template and its index.</param>
    /// <param name="hasOneSeed">Whether the seed is the same for several images.</param>
    public OutputNames Names(string? source, Func<NameTemplate, int, string> name, bool hasOneSeed = false)
    {
        string? directory = string.IsNullOrEmpty(command.OutDirectory) ? null : command.ResolveOutput(command.OutDirectory);
        if (directory is not null && command.NamesOnly && !command.IsGiven(nameof(command.OutDirectory)))
            OutputNames.CheckInside(nameof(command.OutDirectory), command.OutDirectory!, Path.Combine(directory, FileNames.Image), command.ResolveOutput("."));

        return new OutputNames(string.IsNullOrEmpty(command.OutFile) && !command.IsFixed(nameof(command.OutFile)) ? null : command.OutFile, directory, FileEnding.Parse(command.Format), source)
        {
            Limits = command.NamesOnly && !command.IsGiven(nameof(command.OutFile)) ? directory ?? command.ResolveOutput(".") : null,
            Template = template is null ? null : index => name(template, index),
            IsStable = command.IsResumed || template is not null,
            AddsIndex = template is null ? hasOneSeed || source is not null : !template.Has(NameTemplate.Index) && !template.Has(NameTemplate.Hash) && (hasOneSeed || !template.Has(NameTemplate.Seed)),
        };
    }

    /// <summary>How the files of a record are written.</summary>
    public ImageOutput Output() => new(new ImageWriteOptions { Overwrite = command.Force, Quality = Number.Read(command.Quality) ?? ImageWriteOptions.DefaultQuality, Metadata = !command.NoMetadata }, command.CancellationToken);

    /// <summary>Finds out what there is to do for an output. An error is written, and the next output follows.</summary>
    /// <param name="target">The file; null if nothing is written.</param>
    /// <param name="output">Writes the file.</param>
    /// <param name="find">Finds the image of a file that exists, if it is the one that would be made.</param>
    /// <param name="unchanged">The image that an earlier run made; null if it is to be made.</param>
    /// <returns>True if an earlier run made the image, false if an error was written, null if it is to be made.</returns>
    public bool? Look(OutputTarget? target, ImageOutput output, Func<string, DiffusionImage> find, out DiffusionImage? unchanged)
    {
        unchanged = null;
        if (target is null && !command.IsResumed)
            return null;
        if (!command.IsResumed)
        {
            // The record that names a file first makes it.
            if (command.MostAhead > 1)
                command.Staged.MakeFiles([target!.Path]);
            output.Check(target!);
            return null;
        }

        if (target is null)
            throw command.Claim
                ? new InvalidSettingException(nameof(command.Claim), "Claim shares the work by files beside the images, and nothing says where these are. Give OutDirectory, OutFile or FileName, or omit Claim.")
                : new InvalidSettingException(nameof(command.Resume), "Resume goes on with the files of an earlier run, and nothing says where they are. Give OutDirectory, OutFile or FileName, or omit Resume.");

        // Two rows can have one name, so that the first of them is in the way of the other.
        command.Staged.MakeFiles([target.Path]);
        if (!Path.Exists(target.Path))
        {
            output.Check(target);
            return null;
        }

        DiffusionImage? found = null;
        bool isFree = command.ProcessOne(command.Given, () =>
        {
            try
            {
                found = find(target.Path);
            }
            catch (DiffusionException error) when (command.Force && error is OutputDiffersException or ImageInvalidException)
            {
                command.WriteVerbose($"'{target.Path}' is replaced. {Sentence.Of(error)}");
                output.Check(target);
            }
            catch (DiffusionException) when (!command.StageMajor && command.MostAhead == 1 && !command.Staged.IsEmpty)
            {
                command.Staged.Make();
                throw;
            }
        });
        unchanged = found;
        if (found is not null)
            command.Claims.Sweep(target.Path);
        return !isFree ? false : found is null ? null : true;
    }

    /// <summary>In a trial, finds out whether an earlier row would have made a file, as the run itself would.</summary>
    /// <param name="planned">The files of the rows so far.</param>
    /// <param name="target">The file.</param>
    /// <param name="hash">The hash of the settings of the image, with the defaults of its model.</param>
    /// <param name="unchanged">The image that an earlier run made; null if it is to be made.</param>
    /// <returns>False if there is nothing to make.</returns>
    public bool CheckPlanned(PlannedFiles planned, OutputTarget target, Func<RequestHash> hash, DiffusionImage? unchanged)
    {
        if (target.IsGenerated || unchanged is not null)
            return true;
        string? settings = command.IsResumed ? hash().Digits : null;
        if (planned.TryAdd(target.Path, settings, out string? earlier) || (command.Force && !command.IsResumed))
            return true;
        if (!command.IsResumed)
            throw new OutputExistsException(target.Path);
        if (earlier == settings)
        {
            command.PassOnPlanned(target);
            return false;
        }

        if (command.Force)
            return true;
        command.ProcessOne(command.Given, () => throw new OutputDiffersException($"'{target.Path}' is also the file of an earlier row, whose image has other settings. {NameAdvice}."));
        return false;
    }

    /// <summary>Writes the file of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="target">The file.</param>
    /// <param name="output">Writes it.</param>
    public void Write(DiffusionImage image, OutputTarget target, ImageOutput output)
    {
        string written = command.Timed($"Writing '{target.Path}'", () => target.Write((path, addsNumber) => output.Write(image, path, addsNumber)));
        if (written != target.Path)
            command.WriteVerbose($"Another file of that name was created in the meantime; the image is '{written}'.");
    }
}
