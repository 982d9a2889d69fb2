using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Images.Sheets;
using StableDiffusion.Metadata;

namespace SdPowerShell.Commands;

/// <summary>Joins images of one size into a contact sheet, which can have labels.</summary>
[Cmdlet(VerbsCommon.Join, "DiffusionImage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DiffusionImage))]
public sealed class JoinDiffusionImageCommand : ImageFileCmdlet
{
    private readonly List<DiffusionImage> _images = [];
    private long _pixels;
    private bool _isTooLarge;

    /// <summary>The number of images in a row; by default about the number of rows.</summary>
    [Parameter]
    [WholeNumber]
    public int? Columns { get; set; }

    /// <summary>The width of the white gap between two images, in pixels.</summary>
    [Parameter]
    [WholeNumber]
    public int Gap { get; set; }

    /// <summary>What decides on an image's row: a property's name, or a script block.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageColumnCompleter))]
    public object? Row { get; set; }

    /// <summary>What decides on an image's column: a property's name, or a script block.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageColumnCompleter))]
    public object? Column { get; set; }

    /// <summary>Writes the values of rows and columns beside them; without both, below each image in what it differs from the others.</summary>
    [Parameter]
    public SwitchParameter Label { get; set; }

    /// <summary>What is written below each image: a property's name, or a script block.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageColumnCompleter))]
    public object? Caption { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Columns is not null && (Row ?? Column) is not null)
            ThrowTerminatingError(DiffusionError.ToErrorRecord(new InvalidSettingException(nameof(Columns), "Columns has no effect with Row or Column, which decide on the shape of the sheet. Give one or the other."), Columns, MyInvocation.MyCommand));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!_isTooLarge)
            ForEachImage(Add);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_images.Count > 0)
            ProcessOne(_images, () => WriteObject(ImageGrid.Join(_images, CreateLayout())));
    }

    private SheetLayout CreateLayout()
    {
        SheetValue? row = SheetValue.Of(nameof(Row), Row), column = SheetValue.Of(nameof(Column), Column), caption = SheetValue.Of(nameof(Caption), Caption);
        bool isTable = (row ?? column) is not null;
        SheetLayout layout = isTable
            ? SheetLayout.Table(Texts(row), Texts(column), Label)
            : new SheetLayout { Columns = Columns };
        return layout with { Gap = Gap, Captions = Texts(caption) ?? (Label && !isTable ? SheetValue.Differences(_images) : null) };
    }

    private string[]? Texts(SheetValue? value) => value is null ? null : [.. _images.Select(value.Read)];

    private void Add(ImageInput image)
    {
        if (_isTooLarge)
            return;

        DiffusionImage read = image.Read(ParameterSetName, file => ImageFile.Load(file, CancellationToken, Judge), static image => image);
        Judge(read.Width, read.Height);
        _pixels += (long)read.Width * read.Height;
        _images.Add(read);
    }

    /// <summary>Judges the size of an image before it is read. One too many is one error, whatever follows: what makes the images may go on, since it may also write them.</summary>
    private void Judge(int width, int height)
    {
        try
        {
            ImageGrid.CheckPixels(_pixels + ((long)width * height));
        }
        catch (InvalidSettingException)
        {
            _isTooLarge = true;
            _images.Clear();
            throw;
        }
    }
}
