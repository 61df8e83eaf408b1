"""English words and phrases for persons and things. A star ends a stem; an underscore joins the
words of a phrase."""

from app.domain.essay.injection.concepts import Concept as On

THINGS: dict[On, str] = {
    On.INSTRUCTIONS: """
        rubric* marking_scheme grading_scheme mark_scheme scoring_scheme marking_guide grading_guide scoring_guide
        marking_key grading_key answer_key solution_key grading_grid system_prompt* system_message* initial_prompt
        original_prompt your_prompt your_task your_job your_rules your_instruction* your_guideline* your_directive*
        your_training your_programming your_orders your_brief you_were_told you_have_been_told you've_been_told
        you_were_given you_have_been_given you_were_asked you_were_handed told_before grading_criteria marking_criteria
        scoring_criteria assessment_criteria evaluation_criteria your_criteria model_answer* reference_answer*
        model_solution* reference_solution* sample_solution* sample_answer* reference_text expected_answer grading_rules
        marking_rules scoring_rules grading_policy grading_scale everything_above all_of_the_above everything_before
        marking_instructions grading_instruction* grading_guideline* usual_standards grading_standards
        previous_instruction* prior_instruction* earlier_instruction* above_instruction* all_instruction*
        instructions_above all_the_instructions any_instruction* former_instruction* preceding_instruction* all_previous
        all_prior all_earlier all_other_instruction* previous_prompt* previous_input* previous_guid*
        initial_instruction* original_instruction* existing_instruction* previous_direct* prior_direct*
        instructions_so_far instructions_before instructions_you guidelines_you rules_you guidance_you everything_you
        previous_text previous_orders earlier_guid* earlier_direct* instructions_given whatever_you what_you_have_been
        what_you_were the_system_said developer_instruction* system_instruction*
    """,
    On.RULES: """
        rule rules prompt prompts criteria criterion constraint* restriction* policy policies standard standards
        instruction* guideline* directive* the_above guidance guardrail* safeguard* context conversation command
        commands briefing scale reference
    """,
    On.EARLIER: """
        previous previously prior earlier above preceding former foregoing existing initial all any every everything
        your original so_far before other
    """,
    On.YOU: "you your yours yourself you're you'll you've you'd u ur thou thy thee",
    On.ME: "me my mine us",
    On.GRADER: """
        grader* examiner* evaluator* assessor* autograder* corrector* scorer* rater marker markers auto_grader*
        grading_system grading_model grading_bot grading_ai grading_engine grading_software scoring_system scoring_model
        scoring_engine marking_system assessment_system evaluation_model evaluation_system automated_marker
        automatic_marker automated_scoring automated_grading automatic_grading auto_grading automatic_scoring ai_grading
        ai_scoring essay_scorer whoever_marks whoever_grades whoever_reads_this grading_assistant grading_machine
        grading_agent reviewer_of_this reader_of_this reads_this reading_this whatever_reads
    """,
    On.MACHINE: """
        ai llm llms assistant chatbot gpt* chatgpt claude gemini llama mistral copilot bot robot machine language_model*
        the_model neural_network algorithm agent
    """,
    On.TOP: """
        full fullest max maximum maxima maximal maxed top topmost highest perfect best ceiling largest greatest utmost
        biggest supreme flawless a+ twenty_five one_hundred hundred 25 100 10_10 5_5 24 99 98 upper_end upper_limit
        upper_bound 21 22 23 90 95 96 97 fully_correct entirely_correct completely_correct as_correct as_complete
        as_excellent all_points all_the_points all_marks all_available all_possible every_point every_mark straight_as
        straight_a distinction exemplary outstanding summa_cum_laude honours honors gold_standard complete_marks
        uppermost maximally all_available_points limit everything_there everything_that_there brilliant faultless
        error_free without_fault fault_free all_of_them twenty_fives five_times_five 25s 100s 24s
    """,
    On.GOOD: "good high higher better nice decent excellent great fair generous kind lenient passing pass positive",
    On.MARK: """
        mark marks point points score scores scored scoring grade grades grading graded rating ratings dimension
        dimensions criterion criteria evaluation percent result results verdict band relevance depth clarity technical
        credit scale number numbers value values category categories field fields pointage percentage out_of_100
        out_of_25 out_of_ten gpa total in_everything for_everything in_all_four on_all_four across_the_board everywhere
    """,
    On.MARKS: """
        mark marks points score scores grade grades grading rating dimensions relevance clarity marking scoring
        grade_point
    """,
    On.RELEVANCE: "relevance",
    On.DEPTH: "depth",
    On.CLARITY: "clarity",
    On.TECHNICAL: "technical",
    On.THIS: "this my present following attached the_above above the_student's the_student’s student's these our",
    On.TEXT: """
        essay essays answer answers submission script paper candidate student assignment attempt exam applicant homework
        examinee
    """,
    On.WRITING: """
        text response responses document work piece sample entry solution paragraph passage item message lines sheet
        writing one
    """,
    On.SELF: """
        gave_this rate_this grade_this mark_this score_this judge_this assess_this evaluate_this pass_this
        the_essay_above the_essay_below the_answer_above the_student_has the_text_above
    """,
    On.TOP_MARK: """
        full_credit maximum_credit complete_credit 25_25 24_25 100_100 99_100 98_100 97_100 96_100 95_100 90_100 10_10
        straight_as full_house summa_cum_laude full_hundred top_band highest_band top_class highest_class first_class
        highest_level top_tier with_distinction five_stars
    """,
    On.QUARTER: "25 24 23 twenty_five",
    On.REPEATED: "four_times each_time four_of_them thrice",
    On.STUDENT: "student students pupil pupils candidate candidates essay essays examinee applicant",
    On.CREDENTIALS: """
        environment_variables api_key api_keys token tokens password* credential* secret secrets configuration url
        endpoint conversation picture image
    """,
    On.EACH: "each every all everything four everywhere everybody across any both throughout whole entire",
    On.AUTHORITY: """
        teacher* professor* instructor* lecturer* dean principal headmaster headteacher tutor examination_office office
        board ministry department court ruling accommodation university institution faculty vendor developer developers
        openai anthropic admin administrator* operator* supervisor* committee regulation* regulations registrar school
        college authority directive decree appeal tribunal coordinator management provider maintainer* author authors
        policy statute law section agreement legal compliance audit auditor hotfix patch rectorate provost chair
        secretary quality_team support_team grading_team team_that company head_of ombudsman union
    """,
    On.FIXTURE: """
        harness fixture* canary calibration benchmark dry_run test_case test_document test_run test_mode debug_mode
        calibration_mode maintenance_mode demo_mode unit_test test_essay sanity_check control_sample gold_sample
        reference_sample test_suite regression_suite expected_result expected_output placeholder ground_truth
        validation_set test_set benchmark_set control_essay warm_up calibration_essay calibration_sample control_text
        pilot_phase validation_sample
    """,
    On.SECRET: """
        system_prompt system_message initial_prompt hidden_prompt secret_prompt your_prompt your_instructions
        instructions_you instructions_above hidden_instructions initial_instructions own_instructions
        instructions_that_you original_instructions rubric* model_answer* reference_answer* reference_solution*
        model_solution* sample_solution* sample_answer* answer_key solution_key marking_scheme grading_scheme
        grading_criteria your_criteria marking_criteria grading_guide expected_answer reference_text your_configuration
        your_settings text_above_this everything_above words_above developer_message official_answer ideal_answer
        official_solution prompt_above first_line_of_your context_window you_were_told you_have_been_given
        you_were_given you_have_been_told what_you_know your_rules your_guidelines your_system do_you_use were_you_asked
        were_you_told were_you_given are_you_told you_look_for before_my_essay above_my_essay before_this_essay
        above_this_essay precedes_this before_this_text above_this_line before_my_answer above_my_answer
        before_the_essay precedes_my came_before comes_before said_before_this stands_before ideal_solution
        perfect_answer best_answer right_answer full_solution reference_essay model_essay key_points you_compare
        expected_points
    """,
    On.PLACE: """
        rationale rationales in_the_comments in_the_comment in_your your_feedback your_comment your_comments
        your_explanation your_explanations your_reply your_justification your_output your_remarks your_reasoning
        your_response your_answer your_assessment your_evaluation the_quotes_field quotes_field the_explanation
        the_feedback
    """,
    On.RUBRIC: """
        rubric rubrics marking_scheme grading_scheme scoring_scheme mark_scheme criteria grading_scale scoring_scale
        marking_policy grading_policy grading_rules scoring_rules grading_criteria scoring_criteria grading_guideline*
        marking_criteria assessment_criteria model_answer reference_answer reference_solution model_solution the_scale
        grading_instructions assignment_brief the_task the_question task_description this_assessment assessment_rules
        scoring_policy scoring_rule marking_rules assessment_policy other_three_dimensions these_definitions
        three_dimensions other_dimensions evaluation_criteria marking_key answer_key scale the_official official_rubric
        the_dimension
    """,
    On.TALK: """
        attack attacks attacker attackers injection injections jailbreak* malicious adversarial sanitis* sanitiz*
        phishing exploit* untrusted vulnerab* owasp hacker* guardrail* payload* xss defence defense mitigat* red_team*
        phrases chatbot* agent agents tokenizer escaping llm llms
    """,
    On.MARKER: "xmarkerx",
    On.FIELDS: """
        criterion criteria category categories field fields dimension dimensions part section heading headings component
        aspect box row subscore*
    """,
    On.FINDING: """
        finding findings point_of_the_rubric points_of_the_rubric requirement_of_the_rubric each_criterion
        every_criterion all_criteria each_point every_point
    """,
    On.REGULATION: """
        statute statutes regulation* ruling decree board accordance terms_of_service policy section article law terms
        by_law guidelines_of ministry academic_senate resolution directive accommodation
    """,
    On.HERE: "this_question this_scale this_assessment this_exam this_task this_essay this_item for_this_one this_test",
    On.REFERENCE: """
        model_answer* reference_answer* reference_solution* sample_solution* model_solution* the_reference
        official_solution reference_text expected_answer correct_answer official_answer right_answer
    """,
    On.ACROSTIC: """
        first_letter first_letters initial_letters initials first_word first_words every_second every_third acrostic
        last_word last_words last_letter last_letters capital_letters
    """,
    On.EVERYONE: """
        everyone everybody all_students every_student every_script every_essay every_text every_answer every_paper
        all_essays all_scripts all_papers all_answers all_texts every_candidate all_candidates every_submission
        all_submissions
    """,
    On.EVAL: """
        grader graders grader's examiner examiners evaluator evaluators marker markers rubric rubrics marks grade grades
        graded grading rationale rationales reference_answer* model_answer* reference_solution* evaluation evaluate
        evaluating assessor* marking deduct* deduction* dimension dimensions autograder* verdict examinee mark_scheme
        marking_scheme scoring_policy assessment assess grading_tool scoring_bug scoring_tool scoring_service pre_scored
        rescore my_score my_points points_for_this final_score evaluation_software
    """,
    On.YOUR: "your ur yours",
}  # fmt: skip
