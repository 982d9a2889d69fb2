namespace StableDiffusion.Sampling.Schedulers;

/// <summary>The weights of a step of <see cref="DpmSolver"/> over an interval of lambda.</summary>
/// <param name="Length">The length of the interval in lambda, h.</param>
/// <param name="Sample">The weight of the sample at the start of the interval.</param>
/// <param name="Value">The weight of the prediction at the start.</param>
/// <param name="Slope">The weight of the prediction's first difference over the interval, at order 2.</param>
/// <param name="ThirdOrderSlope">The weight of the first difference, at order 3.</param>
/// <param name="Curvature">The weight of the second difference, at order 3.</param>
/// <param name="Noise">The weight of fresh noise.</param>
internal readonly record struct DpmStep(double Length, double Sample, double Value, double Slope, double ThirdOrderSlope, double Curvature, double Noise);

/// <summary>
/// The exact weights of the exponential integrator, for the multistep and the singlestep DPM-Solvers
/// (Lu et al., arXiv:2206.00927, section 3, and arXiv:2211.01095, section 4 and appendix).
/// </summary>
/// <param name="PredictsClean">Whether the clean sample is integrated (DPM-Solver++) rather than the noise.</param>
/// <param name="IsStochastic">Whether the stochastic equation is solved.</param>
/// <param name="IsHeun">Whether order 2 weights the slope exactly, rather than as a midpoint.</param>
internal sealed record DpmSolver(bool PredictsClean, bool IsStochastic, bool IsHeun)
{
    /// <summary>The option for the second-order rule.</summary>
    public static SchedulerOption Rule { get; } =
        SchedulerOptions.Choice("solver_type", "midpoint", "The second-order rule.", "midpoint", "heun") with { IgnoresForeignWords = true };

    /// <summary>The option for the kind of solver.</summary>
    public static SchedulerOption Algorithm(params ReadOnlySpan<string> allowed) =>
        SchedulerOptions.Choice("algorithm_type", "dpmsolver++", "What is integrated: the clean image (++) or the noise; sde adds noise at each step.", allowed) with { IgnoresForeignWords = true };

    /// <summary>Reads the kind of solver from the settings.</summary>
    /// <exception cref="InvalidSettingException">The noise would be integrated to a noise level of zero, where it is undefined.</exception>
    public static DpmSolver Create(SchedulerSettings settings)
    {
        string algorithm = settings.Word("algorithm_type");
        bool predictsClean = algorithm.EndsWith("++", StringComparison.Ordinal);
        if (!predictsClean && settings.Word("final_sigmas_type") == "zero")
            throw new InvalidSettingException("final_sigmas_type", $"The algorithm_type {algorithm} cannot end at a noise level of zero. Give final_sigmas_type sigma_min, or algorithm_type {algorithm}++.");

        return new DpmSolver(predictsClean, algorithm.StartsWith("sde-", StringComparison.Ordinal), settings.Word("solver_type") == "heun");
    }

    /// <summary>Computes the weights over an interval.</summary>
    /// <param name="alpha">Alpha at its start.</param>
    /// <param name="sigma">Sigma at its start.</param>
    /// <param name="lambda">Lambda at its start.</param>
    /// <param name="endAlpha">Alpha at its end.</param>
    /// <param name="endSigma">Sigma at its end; may be 0.</param>
    /// <param name="endLambda">Lambda at its end.</param>
    public DpmStep Start(double alpha, double sigma, double lambda, double endAlpha, double endSigma, double endLambda)
    {
        double h = endLambda - lambda;
        if (PredictsClean)
        {
            double reach = IsStochastic ? 2 * h : h;
            double decay = Math.Exp(-reach);
            double slope = endAlpha * (1 - ((1 - decay) / reach));
            return new DpmStep(
                h,
                endSigma / sigma * (IsStochastic ? Math.Exp(-h) : 1),
                endAlpha * (1 - decay),
                IsHeun ? slope : 0.5 * endAlpha * (1 - decay),
                slope,
                endAlpha * (IsStochastic ? ((1 - decay - reach) / (reach * reach)) - 0.5 : 0.5 - ((decay - 1 + h) / (h * h))),
                IsStochastic ? endSigma * Math.Sqrt(1 - decay) : 0);
        }

        double growth = Math.Exp(h) - 1;
        double share = IsStochastic ? 2 : 1;
        double exact = endSigma * ((growth / h) - 1);
        return new DpmStep(
            h,
            endAlpha / alpha,
            -share * endSigma * growth,
            -share * (IsHeun ? exact : 0.5 * endSigma * growth),
            -exact,
            -endSigma * (((growth - h) / (h * h)) - 0.5),
            IsStochastic ? endSigma * Math.Sqrt(Math.Exp(2 * h) - 1) : 0);
    }
}
