using System.Management.Automation;
using System.Management.Automation.Host;
using System.Reflection;

namespace SdPowerShell.Terminal;

/// <summary>Whether the host writes the colors of a text, or leaves them out: by <c>$PSStyle.OutputRendering</c>, which PowerShell sets when it starts with NO_COLOR.</summary>
internal static class HostColors
{
    // PowerShell Standard, which the module is compiled against, does not have it.
    private const string StyleType = "System.Management.Automation.PSStyle";
    private const string PlainText = nameof(PlainText);

    private static readonly Type? s_style = typeof(PSObject).Assembly.GetType(StyleType);

    /// <summary>Whether a host leaves colors out.</summary>
    /// <param name="ui">Its user interface.</param>
    public static bool AreLeftOut(PSHostUserInterface ui) => !ui.SupportsVirtualTerminal || Rendering() == PlainText;

    private static string? Rendering()
    {
        object? style = s_style?.GetProperty("Instance", BindingFlags.Public | BindingFlags.Static)?.GetValue(null);
        return s_style?.GetProperty("OutputRendering")?.GetValue(style)?.ToString();
    }
}
