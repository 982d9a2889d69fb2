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

    // The number by which a terminal knows the image that is replaced by the next one.
    private const int ReplacedImage = 0x5D1F;

    private static readonly string[] s_terminals = ["ConsoleHost", "Visual Studio Code Host"];

    private readonly PSHostUserInterface _ui;

    internal TerminalOutput(PSHostUserInterface ui, TerminalProtocol protocol) => (_ui, Protocol) = (ui, protocol);

    /// <summary>How the terminal shows images.</summary>
    public TerminalProtocol Protocol { get; }

    /// <summary>Finds the terminal of a host.</summary>
    /// <param name="host">The host.</param>
    /// <param name="asked">The protocol that the user asked for, which is used in any host; Auto finds out.</param>
    /// <param name="reason">Why there is none; empty otherwise.</param>
    /// <returns>The terminal; null if images cannot be shown.</returns>
    /// <exception cref="StableDiffusion.InvalidSettingException">The environment variable names no protocol.</exception>
    public static TerminalOutput? Find(PSHost host, TerminalProtocol asked, out string reason)
    {
        TerminalProtocol protocol = asked;
        reason = string.Empty;
        if (host.UI is not PSHostUserInterface ui)
            reason = "The host has no user interface";
        else if (asked == TerminalProtocol.None)
            reason = "It was asked for";
        else if (asked != TerminalProtocol.Auto)
            return new TerminalOutput(ui, asked);
        else if (!s_terminals.Contains(host.Name))
            reason = $"'{host.Name}' is no terminal";
        else if (Console.IsOutputRedirected)
            reason = "The output does not go to a terminal";
        else if ((protocol = TerminalEnvironment.Find(Environment.GetEnvironmentVariable)) == TerminalProtocol.None)
            reason = $"The terminal shows no colors, or {TerminalEnvironment.Variable} is None";
        else
            return new TerminalOutput(ui, protocol);
        return null;
    }

    /// <summary>The window of a host, in columns and rows that an image can take.</summary>
    /// <param name="ui">Its user interface; may be null.</param>
    public static TerminalArea WindowOf(PSHostUserInterface? ui)
    {
        Size size = default;
        try
        {
            size = ui?.RawUI?.WindowSize ?? default;
        }
        catch (Exception error) when (error is HostException or NotImplementedException or NotSupportedException or IOException)
        {
            // It has none.
        }

        return new TerminalArea(
            Math.Max((size.Width > 0 ? size.Width : UsualColumns) - SpareColumns, 1),
            Math.Max((size.Height > 0 ? size.Height : UsualRows) - SpareRows, 1));
    }

    /// <summary>The columns and rows of an image.</summary>
    /// <param name="ui">The user interface of the host; may be null.</param>
    /// <param name="image">The image.</param>
    /// <param name="columns">The columns that it is to have; null fits it into the window.</param>
    public static TerminalArea AreaOf(PSHostUserInterface? ui, DiffusionImage image, int? columns) => columns is int width
        ? TerminalArea.Of(image.Width, image.Height, width)
        : TerminalArea.Fit(image.Width, image.Height, WindowOf(ui));

    /// <summary>Shows a text that <see cref="TerminalImage"/> made.</summary>
    /// <param name="text">The text.</param>
    public void Write(string text) => _ui.Write(text);

    /// <summary>Begins a place in which images replace each other.</summary>
    /// <param name="image">The first of them.</param>
    /// <returns>Its columns and rows.</returns>
    /// <remarks>The lines of the place are written first, since the position that a terminal keeps does not move when it scrolls.</remarks>
    public TerminalArea Reserve(DiffusionImage image)
    {
        TerminalArea area = AreaOf(_ui, image, columns: null);
        _ui.Write($"{new string('\n', area.Rows)}\e[{area.Rows}A\e7");
        return area;
    }

    /// <summary>Shows an image in the place that was begun last.</summary>
    /// <param name="image">The image.</param>
    /// <param name="area">The columns and rows of the place.</param>
    /// <param name="cancellationToken">Cancels the encoding.</param>
    public void Replace(DiffusionImage image, TerminalArea area, CancellationToken cancellationToken) =>
        _ui.Write("\e8" + TerminalImage.Encode(image, Protocol, area, ReplacedImage, cancellationToken));
}
