using System.Management.Automation.Host;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;

namespace SdPowerShell.Terminal;

/// <summary>Shows images in the terminal of the host.</summary>
internal sealed class TerminalOutput
{
    // Of a host that does not know its window, that of a terminal as it is delivered.
    private const int UsualColumns = 80;
    private const int UsualRows = 24;

    // A line in the last column could be followed by an empty one; the command stays visible above, and the prompt below.
    private const int SpareColumns = 1;
    private const int SpareRows = 2;

    // Below an image that is replaced: the progress bars of a batch and of an image, with an empty line before and after them.
    private const int ProgressRows = 4;

    // The number by which a terminal knows the image that is replaced by the next one.
    private const int ReplacedImage = 0x5D1F;

    private static readonly string[] s_terminals = ["ConsoleHost", "Visual Studio Code Host"];

    private readonly PSHostUserInterface? _ui;
    private readonly bool _keepsColors;

    internal TerminalOutput(PSHostUserInterface? ui, TerminalProtocol protocol, bool keepsColors = false) => (_ui, Protocol, _keepsColors) = (ui, protocol, keepsColors);

    /// <summary>How the terminal shows images.</summary>
    public TerminalProtocol Protocol { get; }

    /// <summary>Finds the terminal of a host.</summary>
    /// <param name="host">The host.</param>
    /// <param name="asked">The protocol that the user asked for, which is used in any host; Auto finds out.</param>
    /// <param name="reason">Why there is none; empty otherwise.</param>
    /// <param name="replaces">Whether images are to replace each other.</param>
    /// <returns>The terminal; null if images cannot be shown.</returns>
    /// <exception cref="StableDiffusion.InvalidSettingException">The environment variable names no protocol.</exception>
    public static TerminalOutput? Find(PSHost host, TerminalProtocol asked, out string reason, bool replaces = false)
    {
        TerminalProtocol protocol = asked;
        reason = string.Empty;
        bool isConsole = s_terminals.Contains(host.Name);
        if (host.UI is not PSHostUserInterface ui)
            reason = "The host has no user interface";
        else if (asked == TerminalProtocol.None)
            reason = "It was asked for";
        else if (asked != TerminalProtocol.Auto)
            return new TerminalOutput(ui, asked, keepsColors: isConsole);
        else if (!isConsole)
            reason = $"'{host.Name}' is no terminal";
        else if (Console.IsOutputRedirected)
            reason = "The output does not go to a terminal";
        else if ((protocol = TerminalEnvironment.Find(Environment.GetEnvironmentVariable, !HostColors.AreLeftOut(ui))) == TerminalProtocol.None)
            reason = $"{TerminalEnvironment.Variable} is None";
        else if (replaces && TerminalEnvironment.IsDumb(Environment.GetEnvironmentVariable))
            reason = "The terminal has no place in which images can replace each other, since TERM is dumb";
        else
            return new TerminalOutput(ui, protocol, keepsColors: true);
        return null;
    }

    /// <summary>The terminal that texts are for which nothing shows yet.</summary>
    /// <param name="host">The host, whose window the images fit into.</param>
    /// <param name="asked">The protocol that the user asked for; Auto means that of the environment.</param>
    /// <returns>The terminal; null if it shows no images.</returns>
    /// <exception cref="StableDiffusion.InvalidSettingException">The environment variable names no protocol.</exception>
    public static TerminalOutput? OfText(PSHost host, TerminalProtocol asked) =>
        (asked == TerminalProtocol.Auto ? TerminalEnvironment.Find(Environment.GetEnvironmentVariable) : asked) is var protocol and not TerminalProtocol.None ? new TerminalOutput(host.UI, protocol) : null;

    /// <summary>The window, in columns and rows that an image can take.</summary>
    private TerminalArea FindWindow()
    {
        Size size = default;
        try
        {
            size = _ui?.RawUI?.WindowSize ?? default;
        }
        catch (Exception error) when (error is HostException or NotImplementedException or NotSupportedException or IOException)
        {
            // It has none.
        }

        return new TerminalArea(
            Math.Max((size.Width > 0 ? size.Width : UsualColumns) - SpareColumns, 1),
            Math.Max((size.Height > 0 ? size.Height : UsualRows) - SpareRows, 1));
    }

    /// <summary>The text that shows an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="columns">The columns that it is to have; null fits it into the window.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    public string Encode(DiffusionImage image, int? columns, CancellationToken cancellationToken)
    {
        TerminalArea area = columns is int width ? TerminalArea.Of(image.Width, image.Height, width) : TerminalArea.Fit(image.Width, image.Height, FindWindow());
        return TerminalImage.Encode(image, Protocol, area, number: null, cancellationToken);
    }

    /// <summary>Shows a text that <see cref="TerminalImage"/> made.</summary>
    /// <param name="text">The text.</param>
    public void Write(string text)
    {
        // Half blocks are nothing without their colors, and are used in such a terminal only if somebody asked for them.
        if (_keepsColors && Protocol == TerminalProtocol.HalfBlock && _ui is not null && HostColors.AreLeftOut(_ui))
            Console.Out.Write(text);
        else
            _ui?.Write(text);
    }

    /// <summary>Begins a place in which images replace each other.</summary>
    /// <param name="image">The first of them.</param>
    /// <returns>Its columns and rows.</returns>
    /// <remarks>
    /// The lines of the place, and of the progress bars below it, are written first: the position that a terminal keeps does not
    /// move when it scrolls.
    /// </remarks>
    public TerminalArea Reserve(DiffusionImage image)
    {
        TerminalArea window = FindWindow();
        TerminalArea area = TerminalArea.Fit(image.Width, image.Height, window with { Rows = Math.Max(window.Rows - ProgressRows, 1) });
        int rows = area.Rows + ProgressRows;
        Write($"{new string('\n', rows)}\e[{rows}A\e7");
        return area;
    }

    /// <summary>Shows an image in the place that was begun last.</summary>
    /// <param name="image">The image.</param>
    /// <param name="area">The columns and rows of the place.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    public void Replace(DiffusionImage image, TerminalArea area, CancellationToken cancellationToken) =>
        Write("\e8" + TerminalImage.Encode(image, Protocol, area, ReplacedImage, cancellationToken));
}
